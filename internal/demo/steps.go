package demo

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"os"
	"slices"
	"syscall"
	"time"

	"example.com/atrium/internal/sys"
	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
	"example.com/atrium/process"
	"example.com/atrium/shm"
)

// astronaut is Eileen Collins; see astronaut.SOURCE.txt.
//
//go:embed astronaut.png
var astronaut []byte

const (
	usualSide = 8192
	leastSide = 512
	bigName   = "portrait" // the big picture's in the Space
	patience  = 10 * time.Second
)

// plan decides how big the picture is, and how many work on it.
func (d *demo) plan() error {
	r := d.report
	r.Space, r.Side, r.Workers = d.space.Path(), d.cfg.Side, d.cfg.Workers
	if r.Workers == 0 {
		r.Workers = min(max(sys.CPUs(), 2), 16)
	}
	if r.Side == 0 {
		memory := sys.AvailableMemory()
		free, total, err := sys.Free(r.Space)
		if err != nil {
			return err
		}
		for r.Side = usualSide; r.Side > leastSide; r.Side /= 2 {
			arrays := 2 * bytesOf(r.Side) // the picture and the result
			switch need := 2*arrays + 128<<20; {
			case total > 0 && arrays > free*3/4:
				r.Note = fmt.Sprintf("only %s are free in %s", shm.Bytes(free), r.Space)
				continue
			case need > memory:
				r.Note = fmt.Sprintf("only %s of memory are available", shm.Bytes(memory))
				continue
			}
			break
		}
	}
	r.Bytes = bytesOf(r.Side)
	return nil
}

func bytesOf(side int) int64 { return int64(side) * int64(side) * 4 }

// rows is how many rows of the big picture are a band.
func (d *demo) rows() int { return max(16, d.report.Side/32) }

// grow makes the big picture of the small one.
func (d *demo) grow(ctx context.Context) (string, error) {
	original, err := png.Decode(bytes.NewReader(astronaut))
	if err != nil {
		return "", err
	}
	d.original = original
	size := original.Bounds().Size()
	small, err := ndarray.New[float32](d.space, "", size.Y, size.X)
	if err != nil {
		return "", err
	}
	defer small.Close()
	for y, row := range small.Rows() {
		for x := range row {
			c := color.NRGBAModel.Convert(original.At(x, y)).(color.NRGBA)
			row[x] = luminance(c.R, c.G, c.B)
		}
	}
	side := d.report.Side
	if d.big, err = ndarray.New[float32](d.space, bigName, side, side); err != nil {
		return "", err
	}
	if d.out, err = ndarray.New[float32](d.space, "", side, side); err != nil {
		return "", err
	}
	var parts []band
	for _, b := range d.big.BlocksHalo(d.rows(), 1) {
		d.bands = append(d.bands, band{In: b.View, Lo: b.Lo - b.HaloLo, Out: d.out.Slice(b.Lo, b.Hi), First: b.Lo, Side: side})
		parts = append(parts, band{In: small, Out: b.Own(), First: b.Lo, Side: side})
	}
	if _, err := grown.Map(ctx, d.pool, parts); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d×%d portrait → %d×%d float32, one shared array of %s", size.X, size.Y, side, side, shm.Bytes(d.report.Bytes)), nil
}

// change has two processes change the picture, which they find by its name, and looks at all of it.
func (d *demo) change(ctx context.Context) (string, error) {
	want, half := checksumDeveloped(d.big), d.report.Side/2
	var two [2]*process.Process
	for i := range two {
		p, err := developed.Start(d.space.Path(), bigName, fmt.Sprint(i*half), fmt.Sprint((i+1)*half))
		if err != nil {
			return "", err
		}
		defer p.Kill()
		two[i] = p
	}
	for _, p := range two {
		if exit, err := p.Join(ctx); err != nil {
			return "", err
		} else if exit != (process.Exit{}) {
			return "", fmt.Errorf("process %d: %v", p.Pid(), exit)
		}
	}
	if got := checksum(d.big); got != want {
		return "", fmt.Errorf("this process sees checksum %08x where %08x was to come of it", got, want)
	}
	return fmt.Sprintf("processes %d and %d changed half of it each, and this one sees it all", two[0].Pid(), two[1].Pid()), nil
}

// kill does the work once more and kills a worker on the way. Bands read one array and write another, so that one may be done again.
func (d *demo) kill(ctx context.Context) (string, error) {
	victim := 0
	for range 20 { // a small picture may be done before anybody is caught at work
		if err := d.wipe(ctx); err != nil {
			return "", err
		}
		var err error
		if victim, err = d.killOne(ctx); err != nil {
			return "", err
		}
		if victim != 0 {
			break
		}
	}
	if victim == 0 {
		return "", errors.New("no worker was found at work, so none was killed")
	}
	if err := d.gone(ctx, victim); err != nil {
		return "", err
	}
	got, want := fmt.Sprintf("%08x", checksum(d.out)), d.report.Ways[0].Checksum
	if got != want {
		return "", fmt.Errorf("checksum %s after worker %d was killed, %s by one process", got, victim, want)
	}
	return fmt.Sprintf("worker %d got SIGKILL half way; its part was done again: checksum %s", victim, got), nil
}

// killOne kills a worker once half of the work is done, if it finds one at work.
func (d *demo) killOne(ctx context.Context) (victim int, err error) {
	again := engraved.With(pool.Options{Retries: 3})
	done := 0
	for _, err := range again.IMapUnordered(ctx, d.pool, slices.Values(d.bands)) {
		if err != nil {
			return 0, err
		}
		if done++; done < len(d.bands)/2 || victim != 0 {
			continue
		}
		if victim = d.busy(); victim != 0 {
			if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
				return 0, err
			}
		}
	}
	return victim, nil
}

// busy is the worker that began its task last, 0 when none is at work.
func (d *demo) busy() (pid int) {
	var since time.Time
	for _, w := range d.pool.State() {
		if w.State == "busy" && w.Since.After(since) {
			pid, since = w.Pid, w.Since
		}
	}
	return pid
}

// gone waits until the pool has seen the end of a worker.
func (d *demo) gone(ctx context.Context, pid int) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); ; {
		restarts, there := 0, false
		for _, w := range d.pool.State() {
			restarts += w.Restarts
			there = there || w.Pid == pid
		}
		if restarts > 0 && !there {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-late:
			return fmt.Errorf("worker %d was killed, and the pool did not replace it in %v", pid, patience)
		}
	}
}

// leave closes everything and looks for what may be left.
func (d *demo) leave(context.Context) (string, error) {
	d.shown = d.takePictures()
	if err := d.pool.Close(); err != nil {
		return "", err
	}
	d.pool = nil
	if err := errors.Join(d.space.Remove(bigName), d.big.Close(), d.out.Close()); err != nil {
		return "", err
	}
	files, err := d.space.List()
	if err != nil {
		return "", err
	}
	path := d.space.Path()
	if err := d.close(); err != nil {
		return "", err
	}
	maps, err := mapped(path)
	if err != nil {
		return "", err
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		return "", fmt.Errorf("the Space %s is still there (%v)", path, err)
	}
	if n := children(); n > 0 || len(files) > 0 || maps > 0 {
		return "", fmt.Errorf("%d processes, %d files and %d mappings are left", n, len(files), maps)
	}
	return "no process, no file, no mapping; its Space is gone too", nil
}
