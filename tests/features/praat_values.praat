# Voice measures of one recording by Praat's own commands: `praat --run praat_values.praat RAW PREPARED`.
# RAW: as released, less its mean. PREPARED: what bulbar.features.voice_signal.prepare leaves of it. Prints name, tab, value.
form Recording
    sentence raw
    sentence prepared
endform

raw = Read from file: raw$
pitch = To Pitch: 0, 75, 500
value = Get mean: 0, 0, "Hertz"
appendInfoLine: "mean_f0_hz", tab$, value
value = Get standard deviation: 0, 0, "Hertz"
appendInfoLine: "sd_f0_hz", tab$, value
selectObject: raw
harmonicity = To Harmonicity (cc): 0.01, 75, 0.1, 1
value = Get mean: 0, 0
appendInfoLine: "hnr_db", tab$, value
selectObject: raw
cycles = To PointProcess (periodic, cc): 75, 500
value = Get jitter (local): 0, 0, 0.0001, 0.02, 1.3
appendInfoLine: "jitter_local", tab$, value
selectObject: raw, cycles
value = Get shimmer (local): 0, 0, 0.0001, 0.02, 1.3, 1.6
appendInfoLine: "shimmer_local", tab$, value

sound = Read from file: prepared$
duration = Get total duration
pitch = To Pitch (cc): 0.01, 70, 15, "no", 0.03, 0.45, 0.01, 0.35, 0.14, 500
value = Get mean: 0, 0, "semitones re 100 Hz"
appendInfoLine: "f0_mean_semitones", tab$, value
low = Get quantile: 0, 0, 0.25, "semitones re 100 Hz"
high = Get quantile: 0, 0, 0.75, "semitones re 100 Hz"
appendInfoLine: "f0_iqr_semitones", tab$, high - low
low = Get quantile: 0, 0, 0.05, "semitones re 100 Hz"
high = Get quantile: 0, 0, 0.95, "semitones re 100 Hz"
appendInfoLine: "f0_range_semitones", tab$, high - low
selectObject: sound, pitch
cycles = To PointProcess (cc)
value = Get jitter (ppq5): 0, 0, 0.0001, 0.02, 1.3
appendInfoLine: "jitter_ppq5", tab$, value
value = Get jitter (ddp): 0, 0, 0.0001, 0.02, 1.3
appendInfoLine: "jitter_ddp", tab$, value
selectObject: sound, cycles
value = Get shimmer (apq5): 0, 0, 0.0001, 0.02, 1.3, 1.6
appendInfoLine: "shimmer_apq5", tab$, value
value = Get shimmer (apq11): 0, 0, 0.0001, 0.02, 1.3, 1.6
appendInfoLine: "shimmer_apq11", tab$, value
selectObject: sound, pitch, cycles
report$ = Voice report: 0, duration, 70, 500, 1.3, 1.6, 0.03, 0.45
value = extractNumber(report$, "Number of voice breaks: ")
appendInfoLine: "voice_breaks_per_s", tab$, value / duration

selectObject: sound
cepstrogram = To PowerCepstrogram: 60, 0.01, 4000, 50
# Frame by frame: 6.3.07's own `Get CPPS` takes another peak than its `Get peak` does, and is up to 5 dB higher where the
# voice is high; that of 6.1.38, parselmouth's, is this mean.
Smooth: 0.02, 0.0005
smooth = selected("PowerCepstrogram")
frames = Get number of frames
sum = 0
for frame to frames
    selectObject: smooth
    time = Get time from frame number: frame
    slice = To PowerCepstrum (slice): time
    peak = Get peak: 60, 330, "parabolic"
    quefrency = Get quefrency of peak: 60, 330, "parabolic"
    slope = Get tilt line slope: 0.001, 0.05, "Exponential decay", "Robust"
    intercept = Get tilt line intercept: 0.001, 0.05, "Exponential decay", "Robust"
    sum += peak - (slope * ln (quefrency) + intercept)
    Remove
endfor
appendInfoLine: "cpps_db", tab$, sum / frames

# Formants in the frames whose nearest pitch frame is voiced.
selectObject: sound
formant = To Formant (burg): 0.02, 3.5, 4000, 0.025, 50
frames = Get number of frames
for number to 2
    values# = zero# (frames)
    found = 0
    for frame to frames
        selectObject: formant
        time = Get time from frame number: frame
        value = Get value at time: number, time, "hertz", "linear"
        selectObject: pitch
        at = Get frame number from time: time
        f0 = Get value in frame: max (1, round (at)), "Hertz"
        if f0 <> undefined and value <> undefined
            found += 1
            values# [found] = value
        endif
    endfor
    kept# = zero# (found)
    for frame to found
        kept# [frame] = values# [frame]
    endfor
    kept# = sort# (kept#)
    for quarter to 3
        place = 1 + (found - 1) * quarter / 4
        low = floor (place)
        quartile [quarter] = kept# [low] + (place - low) * (kept# [min (low + 1, found)] - kept# [low])
    endfor
    appendInfoLine: "f", number, "_median_hz", tab$, quartile [2]
    appendInfoLine: "f", number, "_iqr_hz", tab$, quartile [3] - quartile [1]
endfor
