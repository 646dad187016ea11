"""What a worker that does not see its driver's files makes of their names: ndarray/abroad.go in Python."""
import hashlib
import os

rules = None  # "copies", "given" and "given_as", or nothing: see ndarray.Abroad
_origins = {}  # path of a copy -> path and inode of the driver's file


def arrive(path, inode, writable):
    """Of a file of the driver, its copy here, which is read-only."""
    if not rules or path.startswith(os.path.dirname(rules["given"]) + "/"):
        return path, inode, writable
    key = os.fsencode(path) + b"\0%d" % inode
    copy = rules["copies"] + hashlib.sha256(key).hexdigest()[:24]
    try:
        st = os.stat(copy)
    except FileNotFoundError:
        raise FileNotFoundError("the copy of %s is not on this node" % path) from None
    _origins[copy] = path, inode
    return copy, st.st_ino, False


def leave(path, inode, owned):
    """The reverse, for results. What is given away has the inode 0, as the driver's file will have another than ours."""
    if rules and owned:
        return rules["given_as"] + path[len(rules["given"]):], 0
    return _origins.get(path, (path, inode))
