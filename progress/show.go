package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

const (
	patience = 400 * time.Millisecond // work that is done sooner shows nothing
	refresh  = 100 * time.Millisecond
	lines    = 5 * time.Second // between the lines of a Display that is no terminal
)

// Display shows a Tracker until Stop.
type Display struct {
	out     io.Writer
	tracker *Tracker
	verbose bool
	stop    chan struct{}
	done    chan struct{}
	once    sync.Once

	mu  sync.Mutex
	bar *mpb.Progress // while one is on the screen
}

// Show begins to show t on w: as a bar that vanishes in the end when w is a terminal, with a line for each worker when verbose; elsewhere as a line every five
// seconds when verbose, and not at all else. Write to the Display, not to w, what is to appear meanwhile.
func Show(w io.Writer, t *Tracker, verbose bool) *Display {
	d := &Display{out: w, tracker: t, verbose: verbose, stop: make(chan struct{}), done: make(chan struct{})}
	f, _ := w.(*os.File)
	switch {
	case f != nil && term.IsTerminal(int(f.Fd())):
		go d.run(d.draw)
	case verbose:
		go d.run(d.print)
	default:
		close(d.done)
	}
	return d
}

// Stop takes the bar away and returns when it is gone. It may be called again.
func (d *Display) Stop() {
	d.once.Do(func() { close(d.stop) })
	<-d.done
}

// Write writes whole lines, above the bar.
func (d *Display) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bar != nil {
		return d.bar.Write(b)
	}
	return d.out.Write(b)
}

// run calls show until Stop, once the work has taken a while.
func (d *Display) run(show func()) {
	defer close(d.done)
	select {
	case <-d.stop:
	case <-time.After(patience):
		show()
	}
}

func (d *Display) print() {
	tick := time.NewTicker(lines)
	defer tick.Stop()
	for {
		if s, ok := d.tracker.now(); ok {
			fmt.Fprintln(d, s.line())
		}
		select {
		case <-d.stop:
			return
		case <-tick.C:
		}
	}
}

// look is what the bar's parts ask for at each refresh.
func (d *Display) look(part func(state) string, width ...decor.WC) decor.Decorator {
	return decor.Any(func(decor.Statistics) string {
		s, _ := d.tracker.now()
		return part(s)
	}, width...)
}

func (d *Display) draw() {
	p := mpb.New(mpb.WithOutput(d.out), mpb.WithRefreshRate(refresh), mpb.WithAutoRefresh())
	options := []mpb.BarOption{
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(d.look(func(s state) string { return s.Name + " " })),
		mpb.AppendDecorators(
			d.look(func(s state) string { return " " + s.counts() }),
			d.look(func(s state) string { return "  " + s.rate() }, decor.WC{W: 28, C: decor.DindentRight}),
			d.look(func(s state) string { return s.remaining() }, decor.WC{W: 10})),
	}
	if d.verbose {
		options = append(options, mpb.BarExtender(mpb.BarFillerFunc(d.workers), false))
	}
	bar := p.New(1, mpb.BarStyle().Lbound("[").Filler("#").Tip("#").Padding(".").Rbound("]"), options...)
	d.mu.Lock()
	d.bar = p
	d.mu.Unlock()
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	for running := true; running; {
		if s, ok := d.tracker.now(); ok {
			bar.SetTotal(max(1, s.Total), false)
			bar.SetCurrent(min(s.done, max(1, s.Total)-1)) // a full bar is a finished one
		}
		select {
		case <-d.stop:
			running = false
		case <-tick.C:
		}
	}
	d.mu.Lock()
	bar.Abort(true)
	d.bar = nil
	p.Wait()
	d.mu.Unlock()
}

func (d *Display) workers(w io.Writer, _ decor.Statistics) error {
	s, ok := d.tracker.now()
	if !ok || s.Workers == nil {
		return nil
	}
	for _, l := range workerLines(s.Workers()) {
		if _, err := fmt.Fprintln(w, "  "+l); err != nil {
			return err
		}
	}
	return nil
}
