package ring

import (
	"flag"
	"fmt"
	"hash/maphash"
	"slices"
	"testing"
	"time"
)

var largeModels = flag.Bool("ring.large", false, "also explore models of the claim ring that take minutes and gigabytes")

// TestModel goes through every interleaving of the atomic steps of producers and consumers, with a crash at any of
// them, and holds: nothing is torn, lost, or delivered twice without the mark; nobody is taken for dead or blames
// the memory; nobody sleeps for ever; and from every state a good end can be reached.
func TestModel(t *testing.T) {
	runs := []mRun{
		{slots: 1, producers: 1, consumers: 1, each: 2, crashes: 1, resigns: 1},
		{slots: 1, producers: 1, consumers: 1, each: 2, crashes: 1, get: true},
		{slots: 2, producers: 1, consumers: 1, each: 3, crashes: 1},
		{slots: 1, producers: 1, consumers: 2, each: 1, crashes: 1, noRestart: true},
		{slots: 2, producers: 1, consumers: 1, each: 3, crashes: 1, run: true},
	}
	if !testing.Short() {
		runs = append(runs,
			mRun{slots: 1, producers: 1, consumers: 1, each: 2, crashes: 2},
			mRun{slots: 1, producers: 1, consumers: 2, each: 1, crashes: 1},
			mRun{slots: 1, producers: 1, consumers: 2, each: 2},
			mRun{slots: 1, producers: 2, consumers: 1, each: 1},
			mRun{slots: 1, producers: 2, consumers: 1, each: 1, crashes: 1, noRestart: true},
			mRun{slots: 2, producers: 1, consumers: 2, each: 2, run: true},
			mRun{slots: 2, producers: 1, consumers: 1, each: 3, crashes: 1, noRestart: true, run: true},
		)
	}
	if *largeModels {
		runs = append(runs,
			mRun{slots: 1, producers: 2, consumers: 1, each: 1, crashes: 1},
			mRun{slots: 1, producers: 1, consumers: 2, each: 2, crashes: 1},
			mRun{slots: 2, producers: 1, consumers: 2, each: 2, crashes: 1, noRestart: true},
			mRun{slots: 2, producers: 2, consumers: 1, each: 1, crashes: 1, noRestart: true},
			mRun{slots: 2, producers: 1, consumers: 1, each: 3, crashes: 2},
			mRun{slots: 2, producers: 2, consumers: 1, each: 2, run: true},
			mRun{slots: 2, producers: 2, consumers: 1, each: 2, crashes: 1, noRestart: true, run: true},
			mRun{slots: 2, producers: 1, consumers: 2, each: 2, crashes: 1, noRestart: true, run: true},
		)
	}
	for _, m := range runs {
		t.Run(m.String(), func(t *testing.T) {
			start := time.Now()
			states, ends, marked, bad := m.explore()
			if bad != "" {
				t.Fatal(bad)
			}
			if m.crashes > 0 && !m.get && marked == 0 && !(m.noRestart && m.consumers == 1) {
				t.Error("no value ever came again: the model is not what it says")
			}
			t.Logf("%d states, %d ends, %v", states, ends, time.Since(start).Round(time.Millisecond))
		})
	}
}

// TestModelSees breaks one rule at a time, which the model has to see: it would see it in the rules as they are.
func TestModelSees(t *testing.T) {
	one := mRun{slots: 1, producers: 1, consumers: 1, each: 2, crashes: 1}
	two := mRun{slots: 1, producers: 2, consumers: 1, each: 2}
	for _, c := range []struct {
		broken string
		in     mRun
	}{
		{"no sweep", one},
		{"no help", one},
		{"back to full", one},
		{"clear first", two},
		{"no epoch", one},
		{"too far", mRun{slots: 2, producers: 2, consumers: 1, each: 2, run: true}},
	} {
		c.in.broken = c.broken
		states, _, _, bad := c.in.explore()
		if bad == "" {
			t.Errorf("%s: the model finds nothing in %d states", c.broken, states)
		}
		t.Logf("%s, after %d states: %s", c.broken, states, bad)
	}
}

func (m *mRun) first() *mState {
	s := &mState{}
	for i := range s.p {
		p := &s.p[i]
		s.held[i] = true // those who are not there hold theirs for ever, so that a successor gets the dead's
		if p.pc = mDone; i < m.producers+m.consumers {
			*p = mProc{consumer: i >= m.producers, idx: uint8(i), gen: 1, left: uint8(m.each)}
			s.gen[i] = 1
			if p.consumer {
				p.left = 0
			}
			s.start(p)
		}
	}
	return s
}

// explore visits all states, depth first. bad is the first thing that is wrong.
func (m *mRun) explore() (states, ends, marked int, bad string) {
	seed := maphash.MakeSeed()
	ids := map[uint64]int32{} // of states, by their hash: that two of 10^6 states have the same, which would hide one, is one in 10^7
	var edges [][2]int32
	var good []int32
	type node struct {
		s  mState
		id int32
	}
	var stack []node
	visit := func(from int32, s *mState) {
		h := maphash.Comparable(seed, *s)
		id, ok := ids[h]
		if !ok {
			id = int32(len(ids))
			ids[h] = id
			stack = append(stack, node{*s, id})
		}
		edges = append(edges, [2]int32{from, id})
	}
	visit(0, m.first())
	for len(stack) > 0 && bad == "" {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		moved := false
		for i := range m.producers + m.consumers {
			if p := &at.s.p[i]; p.pc == mDone || p.pc == mDead && m.noRestart {
				continue
			}
			if p := &at.s.p[i]; !p.asleep {
				moved = true
				for choice, choices := 0, 1; choice < choices; choice++ {
					next := at.s
					if choices, bad = m.try(&next, i, choice); bad != "" {
						return len(ids), ends, marked, fmt.Sprintf("%s: process %d at step %d of %+v", bad, i, p.pc, at.s)
					}
					visit(at.id, &next)
				}
			}
			if int(at.s.crashes) < m.crashes && at.s.p[i].pc != mDead {
				next := at.s
				next.crash(&next.p[i])
				visit(at.id, &next)
			}
		}
		if moved {
			continue
		}
		if why := m.judge(&at.s); why == "" {
			ends++
			good = append(good, at.id)
			for _, n := range at.s.agn {
				marked += int(n)
			}
		} else if m.noRestart && at.s.bounds < 3 {
			next := at.s
			next.bounds++
			for i := range next.p {
				p := &next.p[i]
				p.asleep, p.bell, p.seenSame = false, 0, false // consumers rescan
			}
			visit(at.id, &next)
		} else {
			bad = fmt.Sprintf("%s in %+v", why, at.s)
		}
	}
	if bad == "" {
		bad = reachable(len(ids), edges, good)
	}
	return len(ids), ends, marked, bad
}

func (m *mRun) try(s *mState, i, choice int) (choices int, bad string) {
	defer func() {
		if v := recover(); v != nil {
			why, ok := v.(violation)
			if !ok {
				panic(v)
			}
			bad = string(why)
		}
	}()
	return m.step(s, &s.p[i], choice), ""
}

// judge tells what is wrong with a state in which nobody can move.
func (m *mRun) judge(s *mState) string {
	consumers := s.p[m.producers : m.producers+m.consumers]
	if m.noRestart && !slices.ContainsFunc(consumers, func(p mProc) bool { return p.pc != mDead }) {
		return "" // nobody is left to take anything
	}
	for i := range m.slots {
		if s.word[i].state != mEmpty {
			return fmt.Sprintf("slot %d is not empty, and nobody moves", i)
		}
	}
	for i := range m.producers {
		if pc := s.p[i].pc; pc != mDone && pc != mDead {
			return "a producer sleeps for ever"
		}
	}
	for i := range s.msgs {
		plain, again := s.plain[i], s.agn[i]
		switch {
		case s.put[i] == mReturned && plain+again == 0 && !(m.get && s.crashes > 0):
			return fmt.Sprintf("message %d is lost", i+1)
		case s.put[i] == mNotIn && plain+again > 0:
			return fmt.Sprintf("message %d came without having been put", i+1)
		case again > s.crashes:
			return fmt.Sprintf("message %d came again without a crash", i+1)
		}
	}
	return ""
}

// reachable tells from how many states no good end can be reached.
func reachable(states int, edges [][2]int32, good []int32) string {
	slices.SortFunc(edges, func(a, b [2]int32) int { return int(a[1] - b[1]) })
	first := make([]int32, states+1) // of the edges into a state
	for _, e := range edges {
		first[e[1]+1]++
	}
	for i := range states {
		first[i+1] += first[i]
	}
	ok := make([]bool, states)
	n := 0
	mark := func(id int32) {
		if !ok[id] {
			ok[id] = true
			n++
			good = append(good, id)
		}
	}
	queue := good
	good = nil
	for _, id := range queue {
		mark(id)
	}
	for len(good) > 0 {
		id := good[len(good)-1]
		good = good[:len(good)-1]
		for _, e := range edges[first[id]:first[id+1]] {
			mark(e[0])
		}
	}
	if n != states {
		return fmt.Sprintf("from %d of %d states no good end can be reached", states-n, states)
	}
	return ""
}
