"""dbt that starts quickly; imported before anything of dbt's.

dbt-core 1.7 lets mashumaro write code to pack and unpack each of some 400 classes while it is imported, most of which
no command uses. That is a third of what `dbt build` costs when nothing is new. With mashumaro's own option
`lazy_compilation` (its README, "lazy_compilation config option") the code of a class is written when it is first used.

dbt also makes objects by the hundred thousand, few of them in cycles. A tenth of its time was looking for those, so
that is done less often; it takes 6 MB more memory.
"""

from __future__ import annotations

import gc

from mashumaro.config import BaseConfig

BaseConfig.lazy_compilation = True
gc.set_threshold(50_000)
