from bulbar.report import run


def test_the_digest_of_the_params_leaves_out_machines_and_places():
    params = {
        "seed": 1,
        "compute": {"workers": 2},
        "remote": {"private": "none"},
        "tune": {"storage": None, "trials": 3},
        "cohort": {"root": "/x", "source": "s"},
        "second": {"cohort": {"root": 1}},
    }
    assert run.that_shape_results(params) == {
        "seed": 1,
        "tune": {"trials": 3},
        "cohort": {"source": "s"},
        "second": {"cohort": {}},
    }
    assert run.digest_of(params) == run.digest_of(params | {"compute": {}}) != run.digest_of(params | {"seed": 2})
