package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"example.com/atrium"
	"example.com/atrium/internal/mptest"
)

func TestMain(m *testing.M) {
	atrium.Main()
	mptest.Main(m)
}

func TestRun(t *testing.T) {
	t.Setenv("ATRIUM_SPACE", mptest.Space(t).Path())
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`^4 processes squared their parts: a\[10\] = 100, a\[999999\] = 9\.99998000001e\+11\n`,
		`\n(NumPy sees float64 \(1000000,\) a\[10\] = 100\.0|NumPy is not here to look on)\n`,
		`\none cell, no lock: +\d+ hits counted of 31418183, pi is \d\.\d+\?\n`,
		`\na cell for each:   31418183 hits counted of 31418183, pi is 3\.14\d\d\n$`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "no lock: 31418183") {
		t.Error("no count was lost, so the example shows nothing")
	}
}

func TestNumPyLooksOn(t *testing.T) {
	t.Setenv("ATRIUM_SPACE", mptest.Space(t).Path())
	t.Setenv("ATRIUM_PYTHON", mptest.Python(t))
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "NumPy sees float64 (1000000,) a[10] = 100.0") {
		t.Error(out.String())
	}
}

func TestNoNumPy(t *testing.T) {
	t.Setenv("ATRIUM_SPACE", mptest.Space(t).Path())
	t.Setenv("ATRIUM_PYTHON", "/nonexistent/python")
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil || !strings.Contains(out.String(), "NumPy is not here") {
		t.Error(err, out.String())
	}
}
