// Command lock-and-semaphore has four processes move money between the accounts of a bank, an array that they share, under a Mutex. For
// each move they print a receipt, on one of two printers: a Semaphore sees to it. One process is killed in the middle of a move, with
// the lock and a printer. The next who locks is told, undoes what the dead one left half done, and all go on.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"example.com/atrium"
	"example.com/atrium/ndarray"
	"example.com/atrium/process"
	"example.com/atrium/psync"
	"example.com/atrium/shm"
)

const (
	workers  = 4
	moves    = 2000 // of each worker
	victim   = 0    // the worker that is killed
	printers = 2
	accounts = 8
	each     = 1000 // on each account in the beginning
)

func main() {
	atrium.Main() // a child process starts here, and never gets further
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// bank is what the processes share. The lock guards all of the array.
type bank struct {
	space    *shm.Space
	lock     *psync.Mutex
	printers *psync.Semaphore

	array    ndarray.Array[int64] // of which the others are rows
	accounts []int64
	note     []int64 // of the move under way
	printing []int64 // by worker, 1 while it has a printer
	facts    []int64
}

// Places in note and facts.
const (
	underway = iota // the note is valid: see move
	who
	from
	to
	hadFrom
	hadTo

	made    = 0 // moves
	atOnce  = 1 // most receipts that were printed at a time
	undone  = 2 // moves
	columns = accounts
)

// newBank makes one without names: it goes with this process, however that ends. Others open it by what address gives.
func newBank() (b bank, err error) {
	if b.space, err = shm.Open(""); err != nil {
		return b, err
	}
	if b.array, err = ndarray.New[int64](b.space, "", 4, columns); err != nil {
		return b, err
	}
	if b.lock, err = psync.OpenMutex(b.space, ""); err != nil {
		return b, err
	}
	b.printers, err = psync.OpenSemaphore(b.space, "", printers)
	b.rows()
	return b, err
}

func (b *bank) address() []string {
	return []string{b.array.Segment().Path(), b.lock.Name(), b.printers.Name()}
}

func openBank(address []string) (b bank, err error) {
	if b.space, err = shm.Open(""); err != nil { // children inherit ATRIUM_SPACE
		return b, err
	}
	if b.array, err = ndarray.MapRW[int64](address[0]); err != nil {
		return b, err
	}
	if b.lock, err = psync.OpenMutex(b.space, address[1]); err != nil {
		return b, err
	}
	b.printers, err = psync.OpenSemaphore(b.space, address[2], 0) // 0: as many as there are
	b.rows()
	return b, err
}

func (b *bank) rows() {
	b.accounts, b.note, b.printing, b.facts = b.array.Row(0), b.array.Row(1), b.array.Row(2), b.array.Row(3)
}

func (b *bank) close() error {
	return errors.Join(b.lock.Close(), b.printers.Close(), b.array.Close(), b.space.Close())
}

var work = process.Func("work", func(ctx context.Context, args []string) error {
	b, err := openBank(args[1:])
	if err != nil {
		return err
	}
	var me int
	if _, err := fmt.Sscan(args[0], &me); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(uint64(me), 0))
	for n := range moves {
		// First a printer, then the lock, in all processes: two that took them in different order could wait for each other.
		if err := b.printers.Acquire(ctx, 1); err != nil {
			return err
		}
		receipt, err := b.move(ctx, me, n, random)
		if err != nil {
			return err
		}
		_ = sha256.Sum256([]byte(strings.Repeat(receipt, 3000))) // to print it takes a while
		atomic.StoreInt64(&b.printing[me], 0)
		if err := b.printers.Release(1); err != nil {
			return err
		}
	}
	return b.close()
})

// move moves money from one account to another, so that the sum of all stays what it is. Whoever may be killed with the lock notes
// what is needed to undo what it has begun.
func (b *bank) move(ctx context.Context, me, n int, random *rand.Rand) (receipt string, err error) {
	err = b.lock.Lock(ctx)
	if errors.Is(err, psync.ErrOwnerDead) { // we have the lock, and somebody was killed with it
		b.undo(me)
		err = b.lock.MarkConsistent() // or else Unlock makes the lock ErrNotRecoverable, for everybody
	}
	if err != nil {
		return "", err
	}
	i := random.IntN(accounts)
	j := (i + 1 + random.IntN(accounts-1)) % accounts
	amount := random.Int64N(b.accounts[i] + 1)
	b.note[who], b.note[from], b.note[to] = int64(me), int64(i), int64(j)
	b.note[hadFrom], b.note[hadTo] = b.accounts[i], b.accounts[j]
	// Atomic, as the compiler may leave out a plain store that another follows, and put plain stores in another order.
	atomic.StoreInt64(&b.note[underway], 1)
	b.count(me)
	b.accounts[i] -= amount
	if me == victim && n == moves/4 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // as the kernel does when memory runs out
		select {}
	}
	b.accounts[j] += amount
	atomic.StoreInt64(&b.note[underway], 0)
	b.facts[made]++
	return fmt.Sprint(me, ": ", amount, " from ", i, " to ", j), b.lock.Unlock()
}

// undo puts right what a dead owner may have left half done. It may be killed too: done twice it does the same.
func (b *bank) undo(me int) {
	if atomic.LoadInt64(&b.note[underway]) == 0 {
		return // it died before it changed anything, or after
	}
	dead, i, j := b.note[who], b.note[from], b.note[to]
	fmt.Printf("worker %d: worker %d died with the lock: it had taken %d from account %d, not yet given to account %d. Undone\n", me, dead, b.note[hadFrom]-b.accounts[i], i, j)
	b.accounts[i], b.accounts[j] = b.note[hadFrom], b.note[hadTo]
	b.printing[dead] = 0 // the semaphore needs no such help: permits of the dead come back by themselves
	b.facts[undone]++
	atomic.StoreInt64(&b.note[underway], 0)
}

// count notes how many have a printer now, for the check at the end.
func (b *bank) count(me int) {
	b.printing[me] = 1
	now := int64(0)
	for i := range workers {
		now += atomic.LoadInt64(&b.printing[i])
	}
	b.facts[atOnce] = max(b.facts[atOnce], now)
}

func run(ctx context.Context, out io.Writer) error {
	b, err := newBank()
	if err != nil {
		return err
	}
	defer b.close()
	for i := range b.accounts {
		b.accounts[i] = each
	}
	begun := time.Now()
	var all []*process.Process
	for i := range workers {
		p, err := work.Start(append([]string{fmt.Sprint(i)}, b.address()...)...)
		if err != nil {
			return err
		}
		defer p.Kill() // no effect on one that has ended
		all = append(all, p)
	}
	for i, p := range all {
		exit, err := p.Join(ctx)
		if err != nil {
			return err
		}
		if exit != (process.Exit{}) {
			fmt.Fprintf(out, "worker %d: %v\n", i, exit)
		}
		if i == victim && exit.Signal != syscall.SIGKILL || i != victim && exit != (process.Exit{}) {
			return fmt.Errorf("worker %d should have ended in another way", i)
		}
	}
	return b.report(ctx, out, time.Since(begun))
}

// report says what has become of the bank, and checks it.
func (b *bank) report(ctx context.Context, out io.Writer, took time.Duration) error {
	if err := b.lock.Lock(ctx); err != nil { // not ErrOwnerDead: that was seen to
		return err
	}
	defer b.lock.Unlock()
	sum := int64(0)
	for _, a := range b.accounts {
		sum += a
	}
	free, err := b.printers.TryAcquire(printers) // the permit of the dead came back by itself
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d moves in %v, %d undone; %d accounts have %d in all, as in the beginning: %v\n", b.facts[made], took.Round(time.Millisecond), b.facts[undone], accounts, sum, sum == accounts*each)
	fmt.Fprintf(out, "%d receipts at a time were printed at most; the dead worker's printer is free again: %v\n", b.facts[atOnce], free)
	switch want := int64((workers-1)*moves + moves/4); {
	case sum != accounts*each || b.facts[undone] != 1 || b.facts[made] != want:
		return fmt.Errorf("there should be %d in all, after %d moves and one undone", accounts*each, want)
	case b.facts[atOnce] > printers || !free:
		return fmt.Errorf("there should be %d printers", printers)
	}
	return b.printers.Release(printers)
}
