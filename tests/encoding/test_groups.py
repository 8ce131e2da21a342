"""Groups of cells."""

from synthgan.encoding.groups import CellGroup, mostly_continuous


def test_a_table_is_mostly_continuous_if_more_than_half_of_its_groups_are():
    number, level, nothing = (
        CellGroup("continuous", (0,)),
        CellGroup("binary", (1,)),
        CellGroup("null", (2,)),
    )
    assert mostly_continuous([number, number, level, nothing])
    assert not mostly_continuous([number, level, nothing])
    assert not mostly_continuous([])
