package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"time"

	"example.com/atrium/process"
)

// engineProbe prints the versions of the engines that are installed, without importing them, which takes seconds.
const engineProbe = `import json, re
from importlib import metadata
d = {}
for name, least in (("ray", (2, 40)), ("distributed", (2024, 1))):
    try:
        v = metadata.version(name)
    except metadata.PackageNotFoundError:
        continue
    d[name] = {"version": v, "ok": tuple(int(n) for n in re.findall(r"\d+", v)[:2]) >= least}
print(json.dumps(d))`

// checkEngines tells which clusters a pool can run on from here. That none is installed is no fault.
func checkEngines(ctx context.Context) []finding {
	path, err := process.Interpreter("")
	if err != nil { // checkPython tells
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, 20*time.Second)
	defer stop()
	out, err := exec.CommandContext(ctx, path, "-c", engineProbe).Output()
	have := map[string]struct {
		Version string
		OK      bool
	}{}
	if err == nil {
		err = json.Unmarshal(out, &have)
	}
	if err != nil { // checkPython tells what is wrong with it
		return nil
	}
	var all []finding
	for _, e := range []struct{ name, module, least, on string }{{"Ray", "ray", "2.40", "ray"}, {"Dask", "distributed", "2024.1", "dask"}} {
		f := finding{Name: e.name, Status: "ok", Found: "not installed; only --on " + e.on + " needs it"}
		if h, installed := have[e.module]; installed {
			f.Found = fmt.Sprintf("%s, for --on %s", h.Version, e.on)
			if !h.OK {
				f.Status, f.Advice, f.Command = "warn", fmt.Sprintf("Too old for --on %s: %s or newer is needed.", e.on, e.least), path+" -m pip install -U "+e.module
			}
		} else {
			f.Command = path + " -m pip install " + e.module
		}
		all = append(all, f)
	}
	return all
}
