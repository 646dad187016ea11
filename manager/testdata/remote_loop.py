"""Calls Go objects again and again, to be killed at any point of a call."""
import sys
from client import connect, Manager

for name in "Counter get_service".split():
    Manager.register(name)
m = connect()
print("begun")
while True:
    c, s = m.Counter(1), m.get_service()
    s.keep("c", c)
    c.pair(c)
    assert c.partner().add(1) == 2
    s.wait_briefly(0.001)
    try:
        s.fail("")
    except RuntimeError:
        pass
    assert s.kept("c").add(1) == 3
