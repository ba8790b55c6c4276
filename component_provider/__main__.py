"""The plugin's process: Pulumi starts it with the address of its engine, and reads the port it serves from stdout."""

from component_provider.host import host

if __name__ == "__main__":
    host()
