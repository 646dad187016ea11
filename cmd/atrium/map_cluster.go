package main

import (
	"context"
	"fmt"
	"path/filepath"

	"example.com/atrium/engine"
	"example.com/atrium/engine/cluster"
	"example.com/atrium/internal/arraymap"
)

// checkEngine looks at the flags that say where to run.
func (o *mapOptions) checkEngine() error {
	switch {
	case o.engine != "local" && o.engine != string(cluster.Ray) && o.engine != string(cluster.Dask):
		return fmt.Errorf("%w: --on is local, ray or dask, not %q", arraymap.ErrUsage, o.engine)
	case o.engine == "local" && o.address != "":
		return fmt.Errorf("%w: --address is a cluster's; say --on ray or --on dask too", arraymap.ErrUsage)
	case o.engine != "local" && o.workers != 0 && o.address != "":
		return fmt.Errorf("%w: how many workers a cluster has is the cluster's to say; leave --workers away", arraymap.ErrUsage)
	case o.engine != "local" && o.workers == inline:
		return fmt.Errorf("%w: --workers 0 runs in this process, --on %s does not", arraymap.ErrUsage, o.engine)
	}
	return nil
}

// open gives the engine, nil for this machine.
func (o *mapOptions) open(ctx context.Context, fn string, output func(engine.Output)) (engine.Engine, error) {
	if o.engine == "local" {
		return nil, nil
	}
	f, err := arraymap.ParseFunc(fn)
	if err != nil {
		return nil, err
	}
	cfg := cluster.Config{Kind: cluster.Kind(o.engine), Address: o.address, Program: f.Program, Output: output, Options: map[string]any{}}
	if n := o.workers; n > 0 {
		if cfg.Kind == cluster.Ray {
			cfg.Options["num_cpus"] = n
		} else {
			cfg.Options["n_workers"] = n
		}
	}
	if f.Module != "" {
		here, err := filepath.Abs(".")
		if err != nil {
			return nil, err
		}
		cfg.Worker.Import, cfg.Worker.Path = []string{f.Module}, []string{here}
	}
	e, err := cluster.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return e, nil
}
