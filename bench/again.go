package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"example.com/atrium/process"
)

// A part is what one process of atrium does in a work that has several: it holds the same conversation as a peer. setup
// gets what the side's open gave to all its parts, and the part's number.
type part struct {
	setup func(with map[string]string, number int) error
	round func(seed int) (map[string]float64, error)
	close func() error
}

// parts are what this program can be started again for, by name.
var parts = map[string]func() *part{}

// partRole is the role in which this program plays a part.
const partRole = "bench"

func init() {
	process.Role(partRole, func(name string) {
		if err := play(parts[name]()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	})
}

// play answers on stdout what is asked on stdin; bench/peers/peer.py has the conversation.
func play(p *part) error {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var request struct {
			Do     string
			Seed   int
			Number int
			With   map[string]string
		}
		if err := json.Unmarshal(in.Bytes(), &request); err != nil {
			return err
		}
		var ok any = map[string]string{}
		var err error
		switch request.Do {
		case "setup":
			err = p.setup(request.With, request.Number)
		case "round":
			ok, err = p.round(request.Seed)
		case "teardown":
			err = p.close()
		}
		answer := map[string]any{"ok": ok}
		if err != nil {
			answer = map[string]any{"error": err.Error()}
		}
		if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil || request.Do == "teardown" {
			return err
		}
	}
	return in.Err()
}

// processes is a side played by processes of atrium, one for each name in cast. The seconds of a round are those of the
// process that took longest.
func processes(name string, with map[string]string, cast ...string) side {
	return side{name: name, open: func(ctx context.Context, h *host) (_ *session, err error) {
		var all []*peer
		closeAll := func() error {
			var err error
			for _, p := range all {
				err = errors.Join(err, p.stop())
			}
			return err
		}
		space, err := os.MkdirTemp(h.scratch, "s")
		if err != nil {
			return nil, err
		}
		given := map[string]string{"space": space}
		for k, v := range with {
			given[k] = v
		}
		for i, c := range cast {
			cmd, err := again(c, given["cores"], i)
			var p *peer
			if err == nil {
				p, _, err = startPeer(ctx, h, cmd, map[string]any{"with": given, "number": i})
			}
			if err != nil {
				return nil, errors.Join(err, closeAll())
			}
			all = append(all, p)
		}
		round := func(ctx context.Context, seed int) (map[string]float64, error) {
			type outcome struct {
				times map[string]float64
				err   error
			}
			outcomes := make(chan outcome, len(all))
			for _, p := range all {
				go func() {
					times, err := p.round(ctx, seed)
					outcomes <- outcome{times, err}
				}()
			}
			longest := map[string]float64{}
			var err error
			for range all {
				o := <-outcomes
				err = errors.Join(err, o.err)
				for metric, t := range o.times {
					longest[metric] = max(longest[metric], t)
				}
			}
			return longest, err
		}
		return &session{round: round, close: closeAll}, nil
	}}
}

// again is this program in a part: on whichever core it likes, or on the first ("one"), or the one with its number ("two").
func again(part, on string, number int) (*exec.Cmd, error) {
	if on == "" {
		return process.Self(partRole, part), nil
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return nil, fmt.Errorf("taskset (util-linux) is missing: %w", err)
	}
	cpus := allowed(string(status))
	if on == "one" || len(cpus) <= number {
		number = 0
	}
	return process.Again(taskset, []string{taskset, "-c", strconv.Itoa(cpus[number]), self}, partRole, part), nil
}

// timed is the seconds that each of n turns of f took.
func timed(n int, f func(n int) error) (float64, error) {
	begun := time.Now()
	err := f(n)
	return time.Since(begun).Seconds() / float64(n), err
}
