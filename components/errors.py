"""Errors of the components.

::

    ComponentError              (pulumi.RunError: `pulumi up` prints the sentence, without a traceback)
    ├── InvalidArgumentError    an argument of a component cannot work
    ├── SourceMissingError      a package or requirements file of a function is not there
    ├── DependencyInstallError  pip could not install a function's dependencies
    └── PackageTooLargeError    a function's zip is larger than Lambda takes
"""

import pulumi


class ComponentError(pulumi.RunError):
    """A component that cannot be built; `code` is stable, the text says what to do."""

    code = "COMPONENT_ERROR"


class InvalidArgumentError(ComponentError):
    """An argument of a component cannot work."""

    code = "INVALID_ARGUMENT"


class SourceMissingError(ComponentError):
    """A package or requirements file of a function is not there."""

    code = "SOURCE_MISSING"


class DependencyInstallError(ComponentError):
    """pip could not install a function's dependencies."""

    code = "DEPENDENCY_INSTALL_FAILED"


class PackageTooLargeError(ComponentError):
    """A function's zip is larger than Lambda takes in an upload."""

    code = "PACKAGE_TOO_LARGE"
