// Package python holds the programs that run in Python children. They use the standard library only, and NumPy
// when an array comes, and the bridge Ray or Dask; nothing of ours has to be installed.
package python

import (
	"bytes"
	_ "embed"
)

var (
	//go:embed atrium_functions.py
	functions []byte
	//go:embed atrium_dtypes.py
	dtypes []byte
	//go:embed atrium_abroad.py
	abroad []byte
	//go:embed atrium_objects.py
	objects []byte
	//go:embed atrium_worker.py
	worker []byte

	// Manager is a module that package manager adds to its workers.
	//go:embed atrium_manager.py
	Manager string

	// Bridge is the program that package engine/cluster drives Ray and Dask by.
	//go:embed atrium_bridge.py
	Bridge []byte
	// Node is what runs of it in the engines' worker processes.
	//go:embed atrium_node.py
	Node []byte
)

// Worker is the worker's side of the pool's protocol: its modules in the order in which they are imported, each as
// its name and its source, with a NUL after either.
var Worker = bytes.Join([][]byte{[]byte("atrium_functions"), functions, []byte("atrium_dtypes"), dtypes, []byte("atrium_abroad"), abroad, []byte("atrium_objects"), objects, []byte("atrium_worker"), worker, nil}, []byte{0})

// Bootstrap is what `python -c` runs: it takes the worker's modules from descriptor 4. It is written so that every Python that
// is still about can parse it and say why it is too old. The working directory, which -c puts first on sys.path, waits until the
// worker has what it imports of the standard library: a json.py there is the user's and none of ours.
const Bootstrap = `import sys
if sys.version_info < (3, 9):
    sys.exit("atrium: Python %s at %s is too old: 3.9 or newer is needed; choose another with ATRIUM_PYTHON" % (sys.version.split()[0], sys.executable))
here = sys.path[:1] == [""]
if here:
    del sys.path[0]
import types
with open(4, "rb") as f:
    parts = f.read().split(b"\0")
for name, source in zip(parts[::2], parts[1::2]):
    m = types.ModuleType(name.decode())
    sys.modules[m.__name__] = m
    exec(compile(source, "<%s>" % m.__name__, "exec"), m.__dict__)
if here:
    sys.path.insert(0, "")
m.main()
`
