// Package python holds the programs that run in Python children. They use the standard library only, and NumPy
// when an array comes; nothing has to be installed.
package python

import _ "embed"

// Worker is the worker's side of the pool's protocol.
//
//go:embed atrium_worker.py
var Worker []byte

// Bootstrap is what `python -c` runs: it takes the worker's program from descriptor 4. It is written so that every Python that
// is still about can parse it and say why it is too old.
const Bootstrap = `import sys
if sys.version_info < (3, 9):
    sys.exit("atrium: Python %s at %s is too old: 3.9 or newer is needed; choose another with ATRIUM_PYTHON" % (sys.version.split()[0], sys.executable))
import types
m = types.ModuleType("atrium_worker")
sys.modules["atrium_worker"] = m
with open(4, "rb") as f:
    exec(compile(f.read(), "<atrium_worker>", "exec"), m.__dict__)
m.main()
`
