"""The choice among the versions of a family."""

import numpy as np

from synthgan.privacy import Support
from synthgan.refine.critic import Critic
from synthgan.synthesizers.family_choice import choose_families, fit_family_critic


def test_versions_that_have_all_rows_come_first():
    rng = np.random.default_rng(0)
    n, n_versions = 60, 4
    known = np.ones((n, 1))
    real, fake = rng.normal(size=(n, 2)), rng.normal(size=(n_versions * n, 2))
    critic = fit_family_critic(real, fake[: 2 * n], known, Support(2))
    assert isinstance(critic, Critic)
    planned = rng.integers(2, 5, n)
    sizes = np.tile(planned, n_versions)
    sizes[n:] -= rng.integers(1, 3, 3 * n)  # of each family the first version alone has all rows
    sizes[:5] -= 1  # but for five of them
    sizes[n : n + 5] = 0
    owners = np.repeat(np.arange(n_versions * n), sizes)
    kept, of = choose_families(critic, fake, known, owners, planned, rng)
    counts = np.bincount(of, minlength=n)
    assert (counts[5:] == planned[5:]).all()
    assert (np.diff(of) >= 0).all()
    assert (owners[kept] % n == of).all()
    assert (counts[:5] > 0).all()  # a version without rows is the last choice
