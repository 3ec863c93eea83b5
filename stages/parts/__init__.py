"""What several stages share: params.yaml, where files lie, the inputs of training, plots."""
