"""Profiles on the command line."""

import numpy as np

from synthgan.kinds.options import estimator_arguments, unique_names


def add_fit_options(parser):
    parser.add_argument("--most-profiles", type=int, help="maximum number of profiles")


def fit(parsed):
    from tests.kinds.profile.synthesizer import ProfileGANSynthesizer

    profiles = np.loadtxt(parsed.data[0])[: parsed.most_profiles]
    given = estimator_arguments(parsed, unique_names(parsed.condition_on))
    return ProfileGANSynthesizer(**given).fit(profiles), f"{len(profiles)} profiles"


def write(fake, model, parsed):
    np.savetxt(parsed.out, fake)
    return "profiles"
