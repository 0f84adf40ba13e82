"""Libraries of which another one uses something, and this program nothing, are left out of a start:
that is twelve megabytes of memory, and a little of its time.

Who loads them gets a stand-in, and only while it is loaded itself. Anybody else finds the real one.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# A module, and what it is told is not installed: each of them takes that as an answer.
_ABSENT = {
    "httpx": ("rich",),  # would have a command line
    "structlog": ("rich",),  # would colour traces
    "tortoise": ("pydantic",),  # would read JSON columns into its models
    "uvicorn": ("watchfiles",),  # would start anew when a source file changes
}
# A module, and what it insists on: that is loaded when it is used for the first time.
_LATER = {
    "redis.auth.token": ("jwt",),  # signing in with an identity provider
    "reactpy.reactjs.utils": ("requests",),  # fetching scripts of other sites
}

StandIns = Mapping[str, ModuleType | None]


def spare() -> None:
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        stand_ins = _stand_ins(fullname)
        if not stand_ins:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader, stand_ins)
                return spec
        return None


class _Loader(Loader):
    def __init__(self, loader: Any, stand_ins: StandIns) -> None:
        self._loader = loader
        self._stand_ins = stand_ins

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        with _standing_in(self._stand_ins):
            self._loader.exec_module(module)

    def __getattr__(self, name: str) -> Any:
        """Sources, data files and versions are read through the real one."""
        return getattr(self._loader, name)


class _Later(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # Python looks at a module that it imports
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:  # asked for while it is still standing in
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def _stand_ins(fullname: str) -> StandIns:
    absent = dict.fromkeys(_ABSENT.get(fullname, ()))
    return {**absent, **{name: _Later(name) for name in _LATER.get(fullname, ())}}


@contextmanager
def _standing_in(stand_ins: StandIns) -> Iterator[None]:
    """Python takes None in this place for a module that is not there."""
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    put = {name: one for name, one in stand_ins.items() if name not in modules}
    modules.update(put)
    try:
        yield
    finally:
        for name, one in put.items():
            if modules.get(name, one) is one:
                modules.pop(name, None)
