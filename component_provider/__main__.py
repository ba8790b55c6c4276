"""The plugin's process: Pulumi starts it with the address of its engine, and reads the port it serves from stdout."""

import sys

from pulumi.provider import server

from component_provider.host import Plugin, Servicer

if __name__ == "__main__":
    server.ProviderServicer = Servicer  # type: ignore[misc]  # main takes no other servicer
    server.main(Plugin(), sys.argv[1:])
