"""Which resources a plan is about: `--only` and `--except`, by kind or by kind and name."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.plan.order import KINDS
from reconciler.resources.base import Key


@dataclass(frozen=True, slots=True)
class Selection:
    """Patterns `KIND` or `KIND/NAME`; without `only` everything is chosen, `exclude` takes away."""

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def is_partial(self) -> bool:
        """Whether something may have been left out: such a plan never deletes."""
        return bool(self.only or self.exclude)

    def has(self, key: Key) -> bool:
        """Whether a resource is chosen."""
        if any(_matches(pattern, key) for pattern in self.exclude):
            return False
        return not self.only or any(_matches(pattern, key) for pattern in self.only)

    def named(self) -> tuple[Key, ...]:
        """The single resources that `only` means by kind and name, sorted; names of no known kind are left out."""
        return tuple(
            sorted(
                Key(kind, pattern.removeprefix(f"{kind}/"))
                for pattern in set(self.only)
                for kind in KINDS
                if pattern.startswith(f"{kind}/")
            )
        )


def _matches(pattern: str, key: Key) -> bool:
    return pattern in (key.kind, str(key))
