package demo

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/process"
	"example.com/atrium/shm"
)

func TestMain(m *testing.M) {
	process.Main()
	mptest.Main(m)
}

// begin looks for what the test leaves, apart from what lasts as long as the process does, which it makes first. The
// demo's Spaces are in a directory of the test's own.
func begin(t *testing.T) {
	t.Helper()
	p, err := developed.Start()
	if err != nil {
		t.Fatal(err)
	}
	if exit, err := p.Join(t.Context()); err != nil || exit.Status != 1 { // it lacks its arguments
		t.Fatal(exit, err)
	}
	mptest.Check(t)
	beside := filepath.Join(mptest.Space(t).Path(), "beside")
	if err := os.Mkdir(beside, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(beside); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("ATRIUM_SPACE", filepath.Join(beside, "default"))
}

func TestRun(t *testing.T) {
	begin(t)
	path := filepath.Join(t.TempDir(), "poster's.png")
	var out bytes.Buffer
	text := Text{W: &out}
	r, err := Run(t.Context(), Config{Side: 1024, Workers: 3, PNG: path, Program: "atrium", Begin: text.Begin, Step: text.Step})
	if err != nil {
		t.Fatal(err)
	}
	text.End(r)
	var names []string
	for _, s := range r.Steps {
		names = append(names, s.Name)
	}
	if got := strings.Join(names, " "); got != "grow change compare kill leave" || !r.OK || r.Bytes != 4<<20 || r.Workers != 3 {
		t.Errorf("%s: %+v", got, r)
	}
	for i, want := range []string{byGoroutines, byValue, byReference} {
		w := r.Ways[i]
		if w.Name != want || w.Seconds <= 0 || w.Private < 1<<20 || w.Checksum != r.Ways[0].Checksum || w.Processes != []int{1, 4, 4}[i] {
			t.Errorf("%+v", w)
		}
	}
	if lines := strings.Split(out.String(), "\n"); len(lines) > 32 || strings.Count(out.String(), "\nok ") != 5 || strings.Contains(out.String(), "\x1b") {
		t.Errorf("%d lines:\n%s", len(lines), out.String())
	}
	if r.Next[0] != "atrium map go:sobel '"+strings.ReplaceAll(path, "'", `'\''`)+"' -o edges.npy --png edges.png" {
		t.Error(r.Next)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if m, err := png.Decode(f); err != nil || m.Bounds().Dx() != width || m.Bounds().Dy() != height {
		t.Error(err)
	}
}

// What comes of it does not depend on how many work on it.
func TestChecksumIsOfTheWork(t *testing.T) {
	if testing.Short() {
		t.Skip("encodes two posters")
	}
	begin(t)
	var sums []string
	for _, workers := range []int{1, 2} {
		r, err := Run(t.Context(), Config{Side: 512, Workers: workers, PNG: filepath.Join(t.TempDir(), "x.png")})
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, r.Ways[0].Checksum)
	}
	if sums[0] != sums[1] {
		t.Error(sums)
	}
}

func TestInterrupted(t *testing.T) {
	begin(t)
	for _, at := range []string{"grow", "change", "compare"} {
		ctx, stop := context.WithCancel(t.Context())
		path := filepath.Join(t.TempDir(), "x.png")
		r, err := Run(ctx, Config{Side: 512, Workers: 2, PNG: path, Step: func(r *Report) {
			if r.Steps[len(r.Steps)-1].Name == at {
				stop()
			}
		}})
		stop()
		if err == nil || !strings.Contains(err.Error(), "interrupted") || r.OK {
			t.Errorf("after %s: %v", at, err)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("after %s there is a poster", at)
		}
		if _, err := os.Stat(r.Space); !os.IsNotExist(err) {
			t.Errorf("after %s the Space is still there: %v", at, err)
		}
	}
}

// A check that fails ends the run with an error, and still leaves nothing.
func TestFailedCheck(t *testing.T) {
	begin(t)
	var space string
	r, err := Run(t.Context(), Config{Side: 512, Workers: 2, PNG: filepath.Join(t.TempDir(), "x.png"), Step: func(r *Report) {
		if space = r.Space; len(r.Steps) == 1 {
			if err := os.Remove(filepath.Join(space, bigName)); err != nil {
				t.Error(err)
			}
		}
	}})
	last := r.Steps[len(r.Steps)-1]
	if err == nil || !strings.HasPrefix(err.Error(), "change: ") || last.OK || last.Name != "change" || r.OK {
		t.Errorf("%v, %+v", err, last)
	}
	if _, err := os.Stat(space); !os.IsNotExist(err) {
		t.Error("the Space is still there:", err)
	}
	var out bytes.Buffer
	Text{W: &out}.Step(r)
	if !strings.HasPrefix(out.String(), "FAILED  change ") {
		t.Errorf("%q", out.String())
	}
}

func TestNoPlaceForThePoster(t *testing.T) {
	_, err := Run(t.Context(), Config{PNG: filepath.Join(t.TempDir(), "no", "x.png")})
	if err == nil || !strings.Contains(err.Error(), "--png") {
		t.Error(err)
	}
}

// A run that was killed leaves its Space to the next one.
func TestStaleSpaceIsRemoved(t *testing.T) {
	begin(t)
	beside := filepath.Dir(shm.DefaultPath())
	stale, kept := filepath.Join(beside, "atrium-demo-1"), filepath.Join(beside, "demo-of-a-user")
	defer os.Remove(kept)
	for _, dir := range []string{stale, kept} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s, err := openSpace()
	if err != nil {
		t.Fatal(err)
	}
	d := demo{space: s}
	if err := d.close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Error(err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
}

func TestStretch(t *testing.T) {
	for _, s := range []stretch{{4, 4}, {512, 1024}, {512, 8192}, {3, 7}} {
		line, got := make([]float32, s.from), make([]float32, s.to)
		for i := range line {
			line[i] = float32(i)
		}
		s.widen(got, line)
		for d, v := range got {
			_, w := s.taps(d)
			want := (float64(d)+0.5)*float64(s.from)/float64(s.to) - 0.5
			inner := want >= 1 && want <= float64(s.from-3)
			if sum := w[0] + w[1] + w[2] + w[3]; math.Abs(float64(sum)-1) > 1e-6 || inner && math.Abs(float64(v)-want) > 1e-3 {
				t.Errorf("%v at %d: %v, want %v; weights %v", s, d, v, want, w)
			}
		}
	}
}

// Private memory is what smaps calls anonymous, and pages of a shared array are none of it.
func TestPrivateMemory(t *testing.T) {
	a, err := ndarray.New[float64](mptest.Space(t), "", 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for i := 0; i < a.Len(); i += 512 {
		a.Set(1, i)
	}
	rollup, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(rollup), "\nAnonymous:")
	var kb int64
	if _, err := fmt.Sscan(line, &kb); err != nil {
		t.Fatal(err)
	}
	if got := private(os.Getpid()); got < 1<<20 || max(got-kb<<10, kb<<10-got) > 8<<20 {
		t.Errorf("%d bytes where smaps_rollup says %d", got, kb<<10)
	}
	if private(1<<30) != 0 {
		t.Error("a process that is none has memory")
	}
}
