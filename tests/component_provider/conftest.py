"""The functions' zips are stand-ins here, as for the program's own tests."""

from tests.program.conftest import packages as packages  # the fixture
