"""Protos compiled when a service boots: what `grpc_tools.protoc` makes, importable on that host alone."""

from __future__ import annotations

import importlib
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshsim.errors import UsageError

if TYPE_CHECKING:
    from meshsim.graph import ServiceSpec
    from meshsim.kernel.host import Host

# Removed when the interpreter ends: generated code is imported from there as long as it runs.
_folders: list[tempfile.TemporaryDirectory[str]] = []


def generated(host: Host, spec: ServiceSpec) -> list[Any]:
    """Compile a service's protos and return the `..._pb2_grpc` modules, as the host imports them.

    Raises:
        UsageError: a proto is not there, or does not compile.
    """
    written = spec.options["proto"]
    root = Path(spec.path or ".")
    protos = [root / name for name in ([written] if isinstance(written, str) else written)]
    folder = compiled(tuple((str(proto), proto.read_text() if proto.is_file() else None) for proto in protos))
    space = host.process.modules if host.process is not None else None
    if space is not None:
        space.packages |= {entry.stem for entry in Path(folder).iterdir()}
        space.sys_path.insert(0, folder)
    elif folder not in sys.path:
        # Whose world this is takes it away again at its end.
        sys.path.insert(0, folder)
    return [importlib.import_module(f"{proto.stem}_pb2_grpc") for proto in protos]


@cache
def compiled(protos: tuple[tuple[str, str | None], ...]) -> str:
    """Return the folder of what some protos compile to; once for the same texts.

    Args:
        protos: their paths and what they say.

    Raises:
        UsageError: a proto is not there, does not compile, or grpcio-tools is not installed.
    """
    missing = [path for path, text in protos if text is None]
    if missing:
        msg = f"there is no proto {missing[0]}; a path is relative to the service's path:"
        raise UsageError(msg)
    try:
        tools = importlib.import_module("grpc_tools")
        protoc = importlib.import_module("grpc_tools.protoc")
    except ImportError as error:
        msg = f"compiling protos needs grpcio-tools ({error}); pip install 'meshsim[grpc]'"
        raise UsageError(msg) from error
    kept = tempfile.TemporaryDirectory(prefix="meshsim-protos-", ignore_cleanup_errors=True)
    _folders.append(kept)
    roots = sorted({str(Path(path).parent) for path, _ in protos})
    common = [*(f"-I{root}" for root in roots), f"-I{Path(str(tools.__file__)).parent / '_proto'}"]
    out = [f"--python_out={kept.name}", f"--grpc_python_out={kept.name}"]
    if protoc.main(["protoc", *common, *out, *(path for path, _ in protos)]):
        msg = f"protoc refuses {', '.join(path for path, _ in protos)}; what it says stands above"
        raise UsageError(msg)
    return kept.name
