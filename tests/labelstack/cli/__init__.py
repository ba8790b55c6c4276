"""Tests of the command, over fakes of clouds, engines and tables; and once over the real ones."""
