"""The JavaScript components. A bundle is loaded when its first component is shown."""

from typing import Any

from reactpy.reactjs import component_from_url
from reactpy.types import VdomConstructor

from frontend.kit.assets import url


def _bundle(file: str, *names: str) -> list[VdomConstructor]:
    components: Any = component_from_url(url(file), list(names), allow_children=False)
    return list(components)


(
    NavBridge,
    Toasts,
    TextField,
    TextArea,
    Select,
    Checkbox,
    ThemeSwitch,
    Keys,
    Dialog,
    FormDialog,
    OnceDialog,
) = _bundle(
    "shell.js",
    "NavBridge",
    "Toasts",
    "TextField",
    "TextArea",
    "Select",
    "Checkbox",
    "ThemeSwitch",
    "Keys",
    "Dialog",
    "FormDialog",
    "OnceDialog",
)
(Watch, WaitingCount, Now, Notifications, RowKeys, BulkBar) = _bundle(
    "watch.js", "Watch", "WaitingCount", "Now", "Notifications", "RowKeys", "BulkBar"
)
(Studio,) = _bundle("studio.js", "Studio")
(Difference, BundleUpload) = _bundle("bots.js", "Difference", "BundleUpload")
(RunPanel, ExecutionView, ApprovalInbox, Comparison) = _bundle(
    "run.js", "RunPanel", "ExecutionView", "ApprovalInbox", "Comparison"
)
(Explorer,) = _bundle("explore.js", "Explorer")
