"""The bootstrap of a Python function on the embedded cloud: AWS's own runtime client, on AWS's search path.

Run as `python -I -S -X utf8 function_bootstrap.py <runtime folder>` by the *base* interpreter, and by nothing else: a
function sees its own zip, the runtime folder (what AWS's Python runtime ships) and the standard library, in this order,
as on AWS. A dependency that is missing in the zip is missing here too. This file imports nothing of ours.
"""

import gc
import os
import sys

# Ends what one invocation has written: ministack reads a function's output from a pipe and cannot tell otherwise when
# all of it has come (it waits 50 ms for a silent function). `python_functions` knows the mark and takes it away.
END_OF_OUTPUT = "\x1eend of invocation"


def main() -> None:
    """Serve invocations until the runtime interface closes."""
    gc.disable()  # until the end of the first invocation: what starts leaves no garbage, and looking for it takes long
    runtime_folder = sys.argv[1]
    handler = os.environ["_HANDLER"]
    sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"], runtime_folder]
    sys.argv = ["bootstrap", handler]

    from awslambdaric import bootstrap
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

    class Client(LambdaRuntimeClient):  # type: ignore[misc]  # awslambdaric has no types
        """Ends an invocation before it reports it."""

        def post_invocation_result(self, *args: object, **kwargs: object) -> None:
            _end_invocation()
            super().post_invocation_result(*args, **kwargs)

        def post_invocation_error(self, *args: object, **kwargs: object) -> None:
            _end_invocation()
            super().post_invocation_error(*args, **kwargs)

    bootstrap.run(handler, Client(os.environ["AWS_LAMBDA_RUNTIME_API"]))


def _end_invocation() -> None:
    """Mark the end of the output, and collect garbage from now on."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(1, f"{END_OF_OUTPUT}\n".encode())


if __name__ == "__main__":
    main()
