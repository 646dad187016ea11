package main

import (
	"example.com/atrium/internal/mptest"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"

	"example.com/atrium"
)

func TestMain(m *testing.M) {
	atrium.Main()
	os.Exit(m.Run())
}

// One round of each of atrium's sides, on the real data: the results are right, and every metric has a time.
func TestOurSides(t *testing.T) {
	if testing.Short() {
		t.Skip("works on half a gigabyte")
	}
	h, err := newHost(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	python := interpreter(t)
	h.python = func() (string, error) { return python, nil }
	numpy := exec.Command(python, "-c", "import numpy").Run() == nil
	for _, w := range works() {
		peers := w.peers()
		for _, s := range w.sides {
			if slices.ContainsFunc(peers, func(p side) bool { return p.name == s.name }) {
				continue
			}
			t.Run(w.name+"/"+s.name, func(t *testing.T) {
				if s.name == atriumPython && !numpy {
					mptest.Skip(t, python+" has no NumPy")
				}
				session, err := s.open(t.Context(), h)
				if err != nil {
					t.Fatal(err)
				}
				times, err := session.round(t.Context(), 1)
				if err != nil {
					t.Error(err)
				}
				for _, series := range w.series {
					if series.ours == s.name && times[series.metric] <= 0 {
						t.Errorf("no time for %s", series.name)
					}
				}
				if err := session.close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
