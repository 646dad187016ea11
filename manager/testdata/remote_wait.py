"""Waits in a method of the Go program, or while it makes an object, to be killed."""
import sys
from client import KEY, connect, Manager

for name in "get_service Waiter".split():
    Manager.register(name)
m = connect()
if sys.argv[2] == "wait":
    m.get_service().wait("python")
else:
    m.Waiter("python")
