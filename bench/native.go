package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// native is a side played by a C program under bench/peers, which is built on the spot.
func native(name, source, class string) side {
	return side{name: name, open: func(ctx context.Context, h *host) (*session, error) {
		program, err := compile(ctx, h, source, class)
		if err != nil {
			return nil, err
		}
		p, _, err := startPeer(ctx, h, exec.Command(program, class), nil)
		return p.session(), err
	}}
}

// compile builds a C program under bench/peers, and gives its path.
func compile(ctx context.Context, h *host, source, name string) (string, error) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		return "", fmt.Errorf("no C compiler: %w", err)
	}
	program := filepath.Join(h.scratch, name)
	build := exec.CommandContext(ctx, cc, "-O2", "-Wall", "-Werror", "-pthread", "-o", program, filepath.Join(h.root, "bench", "peers", source))
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s does not compile: %w: %s", source, err, out)
	}
	return program, nil
}

// rust is a side played by a Rust program, the crate of that name under bench/peers. cargo builds it when it is first wanted, which
// takes a minute and the network, into the user's cache, where the next run finds it.
func rust(name, crate string) side {
	return side{name: name, open: func(ctx context.Context, h *host) (*session, error) {
		program, err := buildCrate(ctx, h, crate)
		if err != nil {
			return nil, err
		}
		// What the program has in shared memory bears this name, so that what a killed one leaves can be removed.
		prefix := filepath.Base(h.scratch) + "-" + crate + "_"
		sweep := func() error {
			left, _ := filepath.Glob("/dev/shm/" + prefix + "*") // the pattern is right
			var err error
			for _, path := range left {
				err = errors.Join(err, os.Remove(path))
			}
			return err
		}
		p, _, err := startPeer(ctx, h, exec.Command(program), map[string]any{"prefix": prefix})
		if err != nil {
			return nil, errors.Join(err, sweep())
		}
		return &session{round: p.round, close: func() error { return errors.Join(p.stop(), sweep()) }}, nil
	}}
}

// buildCrate gives the program of a crate.
func buildCrate(ctx context.Context, h *host, crate string) (string, error) {
	cargo, err := exec.LookPath("cargo")
	if err != nil {
		return "", fmt.Errorf("no Rust: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = h.scratch
	}
	target := filepath.Join(cache, "atrium-bench", crate)
	h.progress("building %s with cargo (the first time this takes a minute)", crate)
	build := exec.CommandContext(ctx, cargo, "build", "--release", "--locked", "--quiet",
		"--manifest-path", filepath.Join(h.root, "bench", "peers", crate, "Cargo.toml"), "--target-dir", target)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s does not build: %w: %s", crate, err, lastLine(out))
	}
	return filepath.Join(target, "release", crate+"-peer"), nil
}

// lastLine is the end of what a program said.
func lastLine(out []byte) []byte {
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	return lines[len(lines)-1]
}
