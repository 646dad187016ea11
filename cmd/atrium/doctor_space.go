package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"example.com/atrium/process"
	"example.com/atrium/shm"
)

func checkSpace() finding {
	path := shm.DefaultPath()
	f := finding{Name: "Space", Status: "ok"}
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		f.Found = path + ": not there yet; the first program that uses it makes it"
		return f
	}
	if err != nil {
		f.Status, f.Found = "fail", err.Error()
		return f
	}
	sys, _ := st.Sys().(*syscall.Stat_t)
	switch {
	case st.Mode()&fs.ModeSymlink != 0 || !st.IsDir():
		f.Status, f.Found, f.Advice = "fail", path+" is no directory", "Somebody put something else there. Look at it, then:"
		f.Command = "rm " + path
	case sys != nil && int(sys.Uid) != os.Getuid():
		f.Status, f.Found = "fail", fmt.Sprintf("%s belongs to user %d, not to you (%d)", path, sys.Uid, os.Getuid())
		f.Advice, f.Command = "Use another.", "export ATRIUM_SPACE=mine"
	case st.Mode().Perm()&0o077 != 0:
		f.Status, f.Found = "fail", fmt.Sprintf("%s has mode %04o: others may look into it or write", path, st.Mode().Perm())
		f.Command = "chmod 700 " + path
	}
	if f.Status != "ok" {
		return f
	}
	v, err := look(path)
	if err != nil {
		f.Status, f.Found = "fail", err.Error()
		f.Advice, f.Command = "Remove it when nothing of it is needed (this deletes its arrays), or use another:", "export ATRIUM_SPACE=other"
		return f
	}
	var bytes, lost int64
	dead := 0
	for _, o := range v.Objects {
		bytes += o.Bytes
		if o.Lost {
			dead++
			lost += o.Bytes
		}
	}
	f.Found = fmt.Sprintf("%s: %s, %s, %s", path, count(len(v.Objects), "object", "objects"), shm.Bytes(bytes), count(len(v.Processes), "process", "processes"))
	if dead > 0 {
		f.Status, f.Command = "warn", "atrium gc --apply"
		f.Advice = fmt.Sprintf("Dead processes left %s (%s).", count(dead, "object", "objects"), shm.Bytes(lost))
	}
	return f
}

// pythonProbe prints what checkPython wants to know.
const pythonProbe = `import sys, json
d = {"version": sys.version.split()[0], "ok": sys.version_info >= (3, 9), "numpy": "", "why": ""}
try:
    import numpy
    d["numpy"] = numpy.__version__
except Exception as e:
    d["why"] = "%s: %s" % (type(e).__name__, e)
print(json.dumps(d))`

func checkPython(ctx context.Context) []finding {
	python := finding{Name: "Python", Status: "ok"}
	numpy := finding{Name: "NumPy", Status: "ok"}
	path, err := process.Interpreter("")
	if err != nil {
		python.Status, python.Found = "warn", strings.TrimPrefix(err.Error(), "atrium: ")
		python.Advice, python.Command = "Only Python functions need it.", "export ATRIUM_PYTHON=/usr/bin/python3"
		return []finding{python}
	}
	ctx, stop := context.WithTimeout(ctx, 20*time.Second)
	defer stop()
	out, err := exec.CommandContext(ctx, path, "-c", pythonProbe).Output()
	var p struct {
		Version, NumPy, Why string
		OK                  bool
	}
	if err == nil {
		err = json.Unmarshal(out, &p)
	}
	if err != nil {
		python.Status, python.Found = "warn", fmt.Sprintf("%s does not run: %v", path, err)
		python.Advice, python.Command = "Choose another interpreter; only Python functions need it.", "export ATRIUM_PYTHON=/usr/bin/python3"
		return []finding{python}
	}
	python.Found = fmt.Sprintf("%s at %s", p.Version, path)
	if !p.OK {
		python.Status, python.Advice = "warn", "Too old: Python functions need 3.9 or newer."
		python.Command = "export ATRIUM_PYTHON=/path/to/python3"
	}
	numpy.Found = p.NumPy
	if p.NumPy == "" {
		numpy.Status, numpy.Found = "warn", "missing: "+p.Why
		numpy.Advice, numpy.Command = "Python functions that get arrays need it.", path+" -m pip install numpy"
	}
	return []finding{python, numpy}
}
