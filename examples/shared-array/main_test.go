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

// begin gives the example a Space of its own.
func begin(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("its millions of steps take long under the race detector, which sees nothing of other processes")
	}
	t.Setenv("ATRIUM_SPACE", mptest.Space(t).Path())
}

func TestRun(t *testing.T) {
	begin(t)
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
	begin(t)
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
	begin(t)
	t.Setenv("ATRIUM_PYTHON", "/nonexistent/python")
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil || !strings.Contains(out.String(), "NumPy is not here") {
		t.Error(err, out.String())
	}
}
