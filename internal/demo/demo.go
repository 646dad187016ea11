// Package demo is `atrium demo`: the first thing to run. It does on a real picture what atrium is for, with nothing but this binary,
// and checks all of it.
package demo

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"time"

	"example.com/atrium/pool"
	"example.com/atrium/shm"
)

// Config of a run.
type Config struct {
	Side    int           // of the big picture, a power of two from 512; 0: 8192, which is 256 MiB, or less where memory is short
	Workers int           // processes; 0: one for each core, 2 to 16
	PNG     string        // where the poster goes; a file that is there is replaced
	Program string        // how the command is called, for the commands to try next
	Begin   func(*Report) // is told where and with what, before the first step
	Step    func(*Report) // is told of each step when it is done: the last of the report's
}

// Step is one of the things that were shown.
type Step struct {
	Name    string  `json:"name"`
	OK      bool    `json:"ok"`
	Text    string  `json:"text"`
	Seconds float64 `json:"seconds"`
}

// Report is what came of it.
type Report struct {
	OK      bool     `json:"ok"`
	Workers int      `json:"workers"`
	Space   string   `json:"space"`
	Side    int      `json:"side"`
	Bytes   int64    `json:"bytes"`
	Note    string   `json:"note,omitempty"` // why the picture is smaller than usual
	Steps   []Step   `json:"steps"`
	Ways    []Way    `json:"ways"`
	PNG     string   `json:"png,omitempty"`
	Next    []string `json:"next,omitempty"` // commands to try
}

// demo is a run.
type demo struct {
	cfg      Config
	report   *Report
	space    *shm.Space
	pool     *pool.Pool
	original image.Image
	big, out pixels
	bands    []band // of the work: from big to out
	shown    pictures
}

// Run runs the demo, about ten seconds on two cores. The report says how far it came, also with an error, which is that of the step that
// failed. Whatever happens, no process and no file of it is left but the poster; when the run itself is killed, the next one
// or `atrium gc --apply` cleans up.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	d := &demo{cfg: cfg, report: &Report{Steps: []Step{}, Ways: []Way{}}}
	err := d.run(ctx)
	if left := d.close(); left != nil {
		err = errors.Join(err, left)
	} else if err != nil && ctx.Err() != nil {
		err = errors.New("interrupted; nothing was left behind")
	}
	d.report.OK = err == nil
	return d.report, err
}

func (d *demo) run(ctx context.Context) (err error) {
	if err := writable(d.cfg.PNG); err != nil {
		return fmt.Errorf("%w; choose another place with --png", err)
	}
	if d.space, err = openSpace(); err != nil {
		return err
	}
	if err := d.plan(); err != nil {
		return err
	}
	if d.pool, err = d.newPool(ctx); err != nil {
		return err
	}
	if d.cfg.Begin != nil {
		d.cfg.Begin(d.report)
	}
	for _, s := range []struct {
		name string
		do   func(context.Context) (string, error)
	}{{"grow", d.grow}, {"change", d.change}, {"compare", d.compare}, {"kill", d.kill}, {"leave", d.leave}} {
		if err := d.step(ctx, s.name, s.do); err != nil {
			return err
		}
	}
	if err := d.writePoster(); err != nil {
		return err
	}
	d.report.PNG, d.report.Next = d.cfg.PNG, next(d.cfg.Program, d.cfg.PNG)
	return nil
}

// step does one thing and tells of it.
func (d *demo) step(ctx context.Context, name string, do func(context.Context) (string, error)) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	begun := time.Now()
	text, err := do(ctx)
	s := Step{Name: name, OK: err == nil, Text: text, Seconds: time.Since(begun).Seconds()}
	if err != nil {
		s.Text = err.Error()
		err = fmt.Errorf("%s: %w", name, err)
	}
	d.report.Steps = append(d.report.Steps, s)
	if d.cfg.Step != nil && ctx.Err() == nil {
		d.cfg.Step(d.report)
	}
	return err
}

func (d *demo) newPool(ctx context.Context) (*pool.Pool, error) {
	return pool.New(ctx, pool.Config{Workers: d.report.Workers, Space: d.space.Path()})
}

// close ends and removes what is still there.
func (d *demo) close() error {
	var errs []error
	if d.pool != nil {
		errs = append(errs, d.pool.Terminate())
		d.pool = nil
	}
	errs = append(errs, d.big.Close(), d.out.Close())
	if d.space != nil {
		errs = append(errs, d.space.Close(), shm.RemoveSpace(d.space.Path()))
		d.space = nil
	}
	return errors.Join(errs...)
}

// openSpace makes a Space for this run alone, beside the default one, and removes those of runs that were killed.
func openSpace() (*shm.Space, error) {
	for _, dir := range Spaces() {
		_ = shm.RemoveSpace(dir) // refused where somebody is in it
	}
	return shm.Open(filepath.Join(beside(), fmt.Sprint(spacePrefix, os.Getpid())))
}

const spacePrefix = "atrium-demo-"

func beside() string { return filepath.Dir(shm.DefaultPath()) }

// Spaces lists the directories of runs' Spaces: of those that go on now, and of those that were killed.
func Spaces() (dirs []string) {
	entries, _ := os.ReadDir(beside()) // where there is none, there are no Spaces in it
	for _, e := range entries {
		if pid, ok := strings.CutPrefix(e.Name(), spacePrefix); ok && e.IsDir() && strings.Trim(pid, "0123456789") == "" {
			dirs = append(dirs, filepath.Join(beside(), e.Name()))
		}
	}
	return dirs
}

// writable tells why a file could not be written.
func writable(path string) error {
	d, err := shm.NewDraft(path, 1)
	if err != nil {
		return err
	}
	return errors.Join(d.Segment().Close(), d.Abort())
}
