package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/atrium/internal/layout"
)

// Places to die that are not in the ring's own code but in its user's, or inside of Ring.
const (
	stepHalf      = steps + iota // half of a value is written
	stepUsed                     // a value was used, not released
	stepRungItems                // the consumers' bell is RUNG, nobody woken
	stepRungSpace                // the producers' bell is RUNG, nobody woken
	allSteps
)

const (
	players = 4 // producers are 0 and 1, consumers 2 and 3; player i lives in slot i+1
	patient = time.Minute
)

// drama is a ring whose users die as planned, each replaced by a successor in its slot after a while.
type drama struct {
	*world
	each    int           // values of a producer
	restart time.Duration // from a death to the successor's attaching
	get     bool          // consumers use Get instead of Borrow
	fate    func(s step, player int) bool

	mu     sync.Mutex
	values map[uint64]*fortune
	bad    []string
	deaths [players]int
	quit   atomic.Bool
}

// fortune is what became of a value.
type fortune struct {
	returned, resigned bool
	plain, again       int
}

var errQuit = errors.New("quit")

func (d *drama) quitting() error {
	if d.quit.Load() {
		return errQuit
	}
	return nil
}

func (d *drama) complain(format string, a ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bad = append(d.bad, fmt.Sprintf(format, a...))
}

// play runs producers until all values are put, and consumers until all are taken, and tells what went wrong.
func (d *drama) play() []string {
	d.values = map[uint64]*fortune{}
	var producers, consumers sync.WaitGroup
	for i := range players {
		wg := &producers
		if i >= players/2 {
			wg = &consumers
		}
		wg.Go(func() { d.career(i) })
	}
	if !ended(&producers, patient) {
		d.complain("producers are stuck")
	}
	for end := time.Now().Add(patient); !d.empty(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			d.complain("values are stuck")
			break
		}
	}
	d.quit.Store(true)
	for end := time.Now().Add(patient); !ended(&consumers, 10*time.Millisecond); {
		layoutOf(d.b).Wake()
		if time.Now().After(end) {
			d.complain("consumers are stuck")
			break
		}
	}
	d.verdict()
	return d.bad
}

func ended(wg *sync.WaitGroup, within time.Duration) bool {
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-time.After(within):
		return false
	}
}

// layoutOf looks at a ring without attaching.
func layoutOf(b []byte) *MPMC {
	m, err := layout.OpenMPMC(b)
	if err != nil {
		panic(err)
	}
	return newMPMC(m, Identity{layout.MakeOwner(4095, 1), func(layout.SlotOwner) bool { return false }})
}

func (d *drama) empty() bool {
	r := layoutOf(d.b)
	for i := range r.Capacity() {
		if layout.SlotWord(r.m.Word(uint64(i)).Load()).State() != layout.Empty {
			return false
		}
	}
	return true
}

func (d *drama) verdict() {
	d.mu.Lock()
	defer d.mu.Unlock()
	lost, doubled, deaths := 0, 0, 0
	for _, n := range d.deaths {
		deaths += n
	}
	for id, f := range d.values {
		switch {
		case f.returned && f.plain+f.again == 0:
			lost++
		case f.resigned && f.plain+f.again > 0:
			d.bad = append(d.bad, fmt.Sprintf("value %#x came and was never put", id))
		case f.plain > 1:
			d.bad = append(d.bad, fmt.Sprintf("value %#x came %d times without the mark", id, f.plain))
		}
		doubled += f.again
	}
	if consumers := d.deaths[2] + d.deaths[3]; lost > 0 && (!d.get || lost > consumers) {
		d.bad = append(d.bad, fmt.Sprintf("%d values lost to the deaths of %d consumers", lost, consumers))
	}
	if doubled > runMost*deaths {
		d.bad = append(d.bad, fmt.Sprintf("%d values came again after %d deaths", doubled, deaths))
	}
}

// career is a player's lives, one after the other.
func (d *drama) career(player int) {
	next := 0
	for epoch := uint32(1); ; epoch++ {
		died := make(chan bool, 1)
		go func() {
			alive := true
			defer func() { died <- alive }()
			r, err := d.born(player, epoch, func() { alive = false; runtime.Goexit() })
			switch {
			case err != nil:
				d.complain("attaching: %v", err)
			case player < players/2:
				d.produce(r, player, &next)
			default:
				d.consume(r, player)
			}
			alive = true
		}()
		if alive := <-died; alive {
			return
		}
		d.mu.Lock()
		d.deaths[player]++
		d.mu.Unlock()
		d.dead[player+1].Store(epoch)
		time.Sleep(d.restart)
	}
}

// born attaches with the hook in place.
func (d *drama) born(player int, epoch uint32, die func()) (*MPMC, error) {
	m, err := layout.OpenMPMC(d.b)
	if err != nil {
		return nil, err
	}
	r := newMPMC(m, d.identity(uint16(player+1), epoch))
	r.hook = func(s step) {
		if d.fate(s, player) {
			die()
		}
		if s == stepPublished && d.fate(stepRungItems, player) {
			half(&r.m.Items)
			die()
		}
		if s == stepReleased && d.fate(stepRungSpace, player) {
			half(&r.m.Space)
			die()
		}
	}
	r.sweep()
	return r, nil
}

// half does what Ring does, up to the wake.
func half(b *Bell) {
	if v := b.Load(); v&3 != idle {
		b.CompareAndSwap(v, v&^3+epoch|rung)
	}
}

func pattern(id uint64, i int) byte { return byte(id*31 + id>>32 + uint64(i)) }

func (d *drama) fortune(id uint64, change func(*fortune)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.values[id] == nil {
		d.values[id] = &fortune{}
	}
	change(d.values[id])
}

// runMost is how many values players put or take in a run.
const runMost = 3

func (d *drama) produce(r *MPMC, player int, next *int) {
	for *next < d.each {
		switch s, pos := d.claim(r, *next); {
		case s == nil:
			c, err := r.Claim(d.t.Context(), nil)
			if err != nil {
				d.complain("claiming: %v", err)
				return
			}
			d.put(r, player, next, c, func(n int) error { return c.Commit(n) })
		case *next%runMost == 1:
			d.put(r, player, next, r.ClaimAt(pos), func(n int) error { return r.PublishOne(s, pos, n) })
		default:
			first := pos
			for s != nil && pos-first < runMost && *next < d.each {
				d.put(r, player, next, r.ClaimAt(pos), func(n int) error { return r.PublishInRun(s, pos, n) })
				pos++
				s = nil
				if pos-first < runMost && *next < d.each {
					s = r.MoreTail(pos)
				}
			}
			r.EndTail(first, pos)
		}
	}
}

// claim goes one of three ways to a slot, or gives nil: a run, one slot, and the way that can wait.
func (d *drama) claim(r *MPMC, next int) (*layout.SlotHead, uint64) {
	switch next % runMost {
	case 0:
		return r.RunTail()
	case 1:
		return r.ClaimOne()
	}
	return nil, 0
}

// put fills a slot and publishes or resigns it.
func (d *drama) put(r *MPMC, player int, next *int, c Claim, publish func(int) error) {
	id := uint64(player+1)<<32 | uint64(*next)
	*next++ // those our predecessor was at are in doubt
	d.fortune(id, func(*fortune) {})
	n := 8 + int(id)%(r.Room()-7)
	binary.LittleEndian.PutUint64(c.Data, id)
	for i := 8; i < n; i++ {
		if i == n/2 {
			r.at(stepHalf)
		}
		c.Data[i] = pattern(id, i)
	}
	var err error
	if id%7 == 3 {
		d.fortune(id, func(f *fortune) { f.resigned = true })
		err = c.Resign()
	} else if err = publish(n); err == nil {
		d.fortune(id, func(f *fortune) { f.returned = true })
	}
	if err != nil {
		d.complain("putting: %v", err)
	}
}

func (d *drama) consume(r *MPMC, player int) {
	last := [players / 2]uint64{}
	use := func(v []byte, again bool) {
		if len(v) < 8 {
			d.complain("a value of %d bytes", len(v))
			return
		}
		id := binary.LittleEndian.Uint64(v)
		from := int(id>>32) - 1
		ok := from >= 0 && from < players/2 && len(v) == 8+int(id)%(r.Room()-7)
		for i := 8; i < len(v); i++ {
			ok = ok && v[i] == pattern(id, i)
		}
		if !ok {
			d.complain("torn: %x", v)
			return
		}
		if !again {
			if id < last[from] {
				d.complain("value %#x came after %#x", id, last[from])
			}
			last[from] = id
		}
		d.fortune(id, func(f *fortune) {
			if again {
				f.again++
			} else {
				f.plain++
			}
		})
	}
	var buf []byte
	for turn := player; ; {
		if d.get {
			v, again, err := r.Get(d.t.Context(), d.quitting, buf[:0])
			if err != nil {
				if err != errQuit {
					d.complain("getting: %v", err)
				}
				return
			}
			use(v, again)
			buf = v
			continue
		}
		turn++
		s, pos := d.take(r, turn)
		if s == nil {
			b, err := r.Borrow(d.t.Context(), d.quitting)
			if err != nil {
				if err != errQuit {
					d.complain("borrowing: %v", err)
				}
				return
			}
			use(b.Data, b.Again)
			r.at(stepUsed)
			if err := b.Release(); err != nil {
				d.complain("releasing: %v", err)
			}
			continue
		}
		give, first := r.VacateOne, pos
		if turn%runMost == 0 {
			give = r.VacateInRun
		}
		for s != nil {
			b, err := r.borrowed(pos, false)
			if err != nil {
				d.complain("borrowing: %v", err)
				return
			}
			use(b.Data, false)
			r.at(stepUsed)
			if err := give(s, pos); err != nil {
				d.complain("releasing: %v", err)
			}
			pos++
			s = nil
			if turn%runMost == 0 && pos-first < runMost {
				s = r.MoreHead(pos)
			}
		}
		if turn%runMost == 0 {
			r.EndHead(first, pos)
		}
	}
}

// take is claim for consumers.
func (d *drama) take(r *MPMC, turn int) (*layout.SlotHead, uint64) {
	switch turn % runMost {
	case 0:
		return r.RunHead()
	case 1:
		return r.TakeOne()
	}
	return nil, 0
}

// planned is a fate of deaths at steps in that order, each when somebody comes to its step for the n-th time since the
// one before.
type death struct {
	at  step
	nth int
}

func planned(plan []death, left *atomic.Int32) func(step, int) bool {
	var mu sync.Mutex
	count := 0
	left.Store(int32(len(plan)))
	return func(s step, _ int) bool {
		mu.Lock()
		defer mu.Unlock()
		if len(plan) == 0 || plan[0].at != s {
			return false
		}
		if count++; count < plan[0].nth {
			return false
		}
		plan, count = plan[1:], 0
		left.Add(-1)
		return true
	}
}

// TestDeathAtEachStep has somebody die at each step, alone or after another's death, and a successor come at once or
// after the others had to do without.
func TestDeathAtEachStep(t *testing.T) {
	reached := make([]atomic.Int32, allSteps)
	var all sync.WaitGroup
	several := make(chan struct{}, 8) // most of the time they wait
	try := func(plan []death, restart time.Duration, capacity int, get bool) {
		all.Go(func() {
			several <- struct{}{}
			defer func() { <-several }()
			var left atomic.Int32
			d := &drama{world: newWorld(t, capacity, 40), each: 40, restart: restart, get: get, fate: planned(plan, &left)}
			for _, bad := range d.play() {
				t.Errorf("deaths %v, restart after %v, %d slots, get %v: %s", plan, restart, capacity, get, bad)
			}
			if left.Load() == 0 {
				reached[plan[len(plan)-1].at].Add(1)
			}
		})
	}
	for s := range allSteps {
		for i, plan := range [][]death{{{s, 1}}, {{s, 3}, {s, 1}}, {{stepUsed, 5}, {s, 1}}, {{stepWon, 5}, {s, 1}}} {
			for j, restart := range []time.Duration{0, 150 * time.Millisecond} {
				try(plan, restart, 1<<((int(s)+i+j)%3), i == 0 && j == 1)
			}
		}
	}
	// Both consumers hold a slot and are dead: a producer makes orphans of them and calls in vain, once the longest bound has
	// told it that what was full when it fell asleep is now held by the dead.
	try([]death{{stepUsed, 5}, {stepUsed, 1}, {stepCalled, 1}}, boundFree+500*time.Millisecond, 2, false)
	all.Wait()
	for s := range allSteps { // whether somebody sleeps, or helps, is up to the scheduler
		for n := 0; n < 20 && reached[s].Load() == 0; n++ {
			try([]death{{stepUsed, 5}, {s, 1}}, time.Duration(n%2)*150*time.Millisecond, 1<<(n%3), false)
			all.Wait()
		}
	}
	for s := range reached {
		if reached[s].Load() == 0 {
			t.Errorf("nobody died at step %d in the end", s)
		}
	}
}

// TestDeathsAtRandom has everybody die at any step now and then.
func TestDeathsAtRandom(t *testing.T) {
	values := 8000
	if testing.Short() {
		values = 1000
	}
	for _, get := range []bool{false, true} {
		for _, capacity := range []int{1, 4, 64} {
			t.Run(fmt.Sprintf("capacity_%d_get_%v", capacity, get), func(t *testing.T) {
				t.Parallel()
				d := &drama{world: newWorld(t, capacity, 100), each: values, get: get, fate: func(step, int) bool { return rand.IntN(1500) == 0 }}
				for _, bad := range d.play() {
					t.Error(bad)
				}
				t.Logf("%d deaths; %+v", d.deaths, layoutOf(d.b).Stats())
			})
		}
	}
}

// TestNobodyDies is the ring under the race detector at its fastest: nothing lost, nothing doubled, in order.
func TestNobodyDies(t *testing.T) {
	for _, capacity := range []int{1, 2, 256} {
		d := &drama{world: newWorld(t, capacity, 100), each: 5000, get: capacity == 2, fate: func(step, int) bool { return false }}
		for _, bad := range d.play() {
			t.Errorf("capacity %d: %s", capacity, bad)
		}
	}
}
