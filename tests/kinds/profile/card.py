"""Model cards of profiles."""


def describe(model):
    return [f"- profiles of {model.encoder_.n_features_in_} numbers"]


def holds(model):
    return "the number of numbers"
