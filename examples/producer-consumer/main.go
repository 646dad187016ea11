// Command producer-consumer counts the words of a text: two processes put its lines into a queue, three take them out and put what
// they counted into another, and this process adds it up. One of the three is killed with a line in its hands. Nobody hangs, and what
// is lost depends on how lines are taken: with Get that line, with Borrow nothing.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"example.com/atrium"
	"example.com/atrium/process"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

const (
	producers = 2
	consumers = 3
)

//go:embed main.go
var source string

// text is what is counted: this file, 40 times.
var text = strings.Split(strings.Repeat(source, 40), "\n")

// deadly is the number of the line that kills who first has it: as the kernel would when memory runs out, at the worst moment.
var deadly = len(text) / 2

type line struct {
	Number int
	Text   string
}

type count struct {
	Line  int
	Again bool // somebody had the line before, and died
	Words map[string]int
}

func main() {
	atrium.Main() // a child process starts here, and never gets further
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	for _, how := range []string{"Get", "Borrow"} {
		if err := run(ctx, os.Stdout, how); err != nil {
			log.Fatal(err)
		}
	}
}

// queues are what all the processes open: who comes first makes them.
type queues struct {
	space  *shm.Space
	lines  *queue.Queue[line]
	counts *queue.Queue[count]
}

func open() (q queues, err error) {
	if q.space, err = shm.Open(""); err != nil { // children inherit ATRIUM_SPACE
		return q, err
	}
	if q.lines, err = queue.Open[line](q.space, "lines", queue.Config{Capacity: 64}); err != nil {
		return q, err
	}
	q.counts, err = queue.Open[count](q.space, "counts", queue.Config{Capacity: 64})
	return q, err
}

// close says that this process is done: who ends without it counts as one that died.
func (q queues) close() error { return errors.Join(q.lines.Close(), q.counts.Close(), q.space.Close()) }

// produce puts every second line.
var produce = process.Func("produce", func(ctx context.Context, args []string) error {
	q, err := open()
	if err != nil {
		return err
	}
	first, err := strconv.Atoi(args[0])
	for n := first; n < len(text) && err == nil; n += producers {
		err = q.lines.Put(ctx, line{n, text[n]}) // waits while 64 lines wait to be taken
	}
	return errors.Join(err, q.close())
})

// consume takes lines until the queue is shut and empty.
var consume = process.Func("consume", func(ctx context.Context, args []string) error {
	q, err := open()
	for err == nil {
		if args[1] == "Borrow" {
			err = q.borrowLine(ctx)
		} else {
			err = q.getLine(ctx)
		}
	}
	if errors.Is(err, queue.ErrShut) {
		return q.close()
	}
	return err
})

// getLine: the line is out of the queue when Get returns. It is gone with this process, should that be killed before it has put what it counted.
func (q queues) getLine(ctx context.Context) error {
	l, err := q.lines.Get(ctx)
	if err != nil {
		return err
	}
	return q.counts.Put(ctx, countWords(l, false))
}

// borrowLine: the line stays in the queue until Release, and comes to another, marked, when this process dies before. It may so be counted
// twice, as a process may die between Put and Release: who adds up has to expect that.
func (q queues) borrowLine(ctx context.Context) error {
	b, err := q.lines.Borrow(ctx)
	if err != nil {
		return err
	}
	l, err := b.Value()
	if err == nil {
		err = q.counts.Put(ctx, countWords(l, b.Again))
	}
	if err != nil {
		return err // without Release: the line is another's when this process has ended
	}
	return b.Release()
}

func countWords(l line, again bool) count {
	if l.Number == deadly && !again { // a mark is a reason to be careful: the value may be what killed who had it
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	c := count{l.Number, again, map[string]int{}}
	for word := range strings.FieldsFuncSeq(strings.ToLower(l.Text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		c.Words[word]++
	}
	return c
}

func run(ctx context.Context, out io.Writer, how string) error {
	space, err := shm.Open("")
	if err != nil {
		return err
	}
	defer space.Close()
	remove := func() { _, _ = space.Remove("lines"), space.Remove("counts") }
	remove()       // what a run left that was killed: a queue stays until it is removed,
	defer remove() // with all that is in it
	q, err := open()
	if err != nil {
		return err
	}
	defer q.close()
	// The consumers put too, and one of them dies. When the others have ended, Get would say ErrNoProducers, if it were not for us.
	if err := q.counts.Produce(); err != nil {
		return err
	}
	gets, err := start(consume, consumers, how)
	defer gets.kill()
	if err != nil {
		return err
	}
	puts, err := start(produce, producers)
	defer puts.kill()
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- shutDown(ctx, q, puts, gets) }()
	r, err := add(ctx, q.counts)
	if err := errors.Join(err, <-ended); err != nil {
		return err
	}
	return r.report(out, how)
}

// shutDown ends the work in the order in which it flows. What is in a queue that is shut is still taken; then Get gives ErrShut.
func shutDown(ctx context.Context, q queues, puts, gets processes) error {
	_, err := puts.join(ctx)
	err = errors.Join(err, q.lines.Shut())
	killed, failed := gets.join(ctx)
	err = errors.Join(err, failed, q.counts.Shut())
	if err == nil && killed != 1 {
		err = fmt.Errorf("%d consumers were killed, which should be one", killed)
	}
	return err
}

type processes []*process.Process

func start(f *process.Function, n int, args ...string) (all processes, err error) {
	for i := range n {
		p, err := f.Start(append([]string{strconv.Itoa(i)}, args...)...)
		if err != nil {
			return all, err
		}
		all = append(all, p)
	}
	return all, nil
}

func (all processes) kill() {
	for _, p := range all {
		_ = p.Kill() // no effect on one that has ended
	}
}

func (all processes) join(ctx context.Context) (killed int, err error) {
	for _, p := range all {
		exit, failed := p.Join(ctx)
		switch {
		case failed != nil:
			err = errors.Join(err, failed)
		case exit.Signal == syscall.SIGKILL:
			killed++
		case exit != process.Exit{}:
			err = errors.Join(err, fmt.Errorf("process %d: %v", p.Pid(), exit))
		}
	}
	return killed, err
}

// result is what has come of the text.
type result struct {
	words map[string]int
	times []int // by line, how often it was counted
	again []int // lines that came again
}

func add(ctx context.Context, counts *queue.Queue[count]) (result, error) {
	r := result{map[string]int{}, make([]int, len(text)), nil}
	for {
		c, err := counts.Get(ctx)
		if errors.Is(err, queue.ErrShut) {
			return r, nil
		}
		if err != nil {
			return r, err
		}
		if r.times[c.Line]++; r.times[c.Line] > 1 {
			continue // its consumer died between Put and Release
		}
		if c.Again {
			r.again = append(r.again, c.Line)
		}
		for word, n := range c.Words {
			r.words[word] += n
		}
	}
}

// report says what became of the lines, and checks it: each is counted, but the one that is lost, and no word is missing.
func (r result) report(out io.Writer, how string) error {
	lost, want := []int(nil), map[string]int{}
	for n, times := range r.times {
		if times == 0 {
			lost = append(lost, n)
			continue
		}
		for word, n := range countWords(line{n, text[n]}, true).Words {
			want[word] += n
		}
	}
	fmt.Fprintf(out, "with %s: %d processes put lines, %d took them; one was killed with line %d in its hands\n", how, producers, consumers, deadly)
	fmt.Fprintf(out, "  %d lines of %d counted, %q %d times; lost %v, came again %v\n", len(text)-len(lost), len(text), "queue", r.words["queue"], lost, r.again)
	victim, nothing := fmt.Sprint([]int{deadly}), "[]"
	wantLost, wantAgain := victim, nothing
	if how == "Borrow" {
		wantLost, wantAgain = nothing, victim
	}
	if fmt.Sprint(lost) != wantLost || fmt.Sprint(r.again) != wantAgain || !maps.Equal(r.words, want) {
		return fmt.Errorf("lost should be %s, came again %s, and no word missing", wantLost, wantAgain)
	}
	return nil
}
