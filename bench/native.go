package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// native is a side played by a C program under bench/peers, which is built on the spot.
func native(name, source, class string) side {
	return side{name: name, open: func(ctx context.Context, h *host) (*session, error) {
		cc, err := exec.LookPath("cc")
		if err != nil {
			return nil, fmt.Errorf("no C compiler: %w", err)
		}
		program := filepath.Join(h.scratch, class)
		build := exec.CommandContext(ctx, cc, "-O2", "-Wall", "-Werror", "-pthread", "-o", program, filepath.Join(h.root, "bench", "peers", source))
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s does not compile: %w: %s", source, err, out)
		}
		p, _, err := startPeer(ctx, h, exec.Command(program, class), nil)
		return p.session(), err
	}}
}
