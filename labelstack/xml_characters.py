"""Characters that XML 1.0 cannot carry (section 2.2), even escaped; S3 takes keys that have them."""

from __future__ import annotations

import re

NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
