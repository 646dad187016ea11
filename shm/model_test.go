package shm_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

// model is what this process has open in a Space.
type model struct {
	s    *shm.Space
	open []opened
}

type opened struct {
	g     *shm.Segment
	name  string // "" while unnamed
	value *byte  // shared by all who map the same object
}

// TestModel runs random operations against the model, and compares the directory after each.
func TestModel(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	names := rapid.SampledFrom([]string{"a", "b", "c d", "ü"})
	rapid.Check(t, func(t *rapid.T) {
		m := &model{s: s}
		defer m.end(t)
		content := map[string]*byte{} // of the object that has the name now
		t.Repeat(map[string]func(*rapid.T){
			"create": func(t *rapid.T) {
				name, v, size := names.Draw(t, "name"), rapid.Byte().Draw(t, "value"), rapid.Int64Range(1, 9000).Draw(t, "size")
				g, err := s.Create(name, size, func(b []byte) error { b[size-1] = v; return nil })
				if content[name] != nil {
					if !errors.Is(err, fs.ErrExist) {
						t.Fatalf("created %s again: %v", name, err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				content[name] = &v
				m.open = append(m.open, opened{g, name, &v})
			},
			"create unnamed": func(t *rapid.T) {
				v := rapid.Byte().Draw(t, "value")
				g, err := s.Create("", 100, func(b []byte) error { b[99] = v; return nil })
				if err != nil {
					t.Fatal(err)
				}
				m.open = append(m.open, opened{g, "", &v})
			},
			"attach": func(t *rapid.T) {
				name := names.Draw(t, "name")
				g, err := s.Attach(name, rapid.Bool().Draw(t, "writable"))
				if content[name] == nil {
					if !errors.Is(err, fs.ErrNotExist) {
						t.Fatalf("attached %s, which is not there: %v", name, err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				m.open = append(m.open, opened{g, name, content[name]})
			},
			"remove": func(t *rapid.T) {
				name := names.Draw(t, "name")
				if err := s.Remove(name); (content[name] == nil) != errors.Is(err, fs.ErrNotExist) {
					t.Fatalf("removed %s: %v", name, err)
				}
				delete(content, name)
			},
			"publish": func(t *rapid.T) {
				o, name := m.pick(t), names.Draw(t, "name")
				if o == nil {
					return
				}
				err := o.g.Publish(name)
				switch {
				case o.name != "" && err == nil, o.name == "" && content[name] != nil && !errors.Is(err, fs.ErrExist), o.name == "" && content[name] == nil && err != nil:
					t.Fatalf("published %q as %s: %v", o.name, name, err)
				case err == nil:
					o.name, content[name] = name, o.value
				}
			},
			"write": func(t *rapid.T) {
				if o := m.pick(t); o != nil && o.g.Writable() {
					*o.value = rapid.Byte().Draw(t, "value")
					o.g.Bytes()[o.g.Size()-1] = *o.value
				}
			},
			"close": func(t *rapid.T) {
				if o := m.pick(t); o != nil {
					if err := o.g.Close(); err != nil {
						t.Fatal(err)
					}
					m.open = slices.DeleteFunc(m.open, func(x opened) bool { return x.g == o.g })
				}
			},
			"sweep": func(t *rapid.T) {
				if n, err := s.Sweep(); n.Files != 0 || err != nil {
					t.Fatalf("swept %+v of the living, %v", n, err)
				}
			},
			"": func(t *rapid.T) { m.compare(t, content) },
		})
	})
}

func (m *model) pick(t *rapid.T) *opened {
	if len(m.open) == 0 {
		return nil
	}
	return &m.open[rapid.IntRange(0, len(m.open)-1).Draw(t, "which")]
}

func (m *model) compare(t *rapid.T, content map[string]*byte) {
	var want []string
	for name := range content {
		want = append(want, name)
	}
	for _, o := range m.open {
		if got := o.g.Bytes()[o.g.Size()-1]; got != *o.value {
			t.Fatalf("%s holds %d, want %d", o.g.Name(), got, *o.value)
		}
		current := o.name == "" || content[o.name] == o.value
		if o.g.Current() != current || o.g.Mine() != (o.name == "") || o.g.Unnamed() != (o.name == "") {
			t.Fatalf("%s: current %v, want %v; mine %v", o.g.Name(), o.g.Current(), current, o.g.Mine())
		}
		if o.name == "" {
			want = append(want, o.g.Name())
		}
	}
	all, err := m.s.List()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range all {
		got = append(got, e.Name)
	}
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Fatalf("the Space holds %q, want %q", got, want)
	}
}

// end closes and removes what a run left.
func (m *model) end(t *rapid.T) {
	for _, o := range m.open {
		if err := o.g.Close(); err != nil {
			t.Fatal(err)
		}
	}
	all, err := m.s.List()
	for _, e := range all {
		err = errors.Join(err, m.s.Remove(e.Name))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// keep is a process whose files have to stay until it is told to end, however much others join, leave and sweep.
var _ = mptest.Register("keep", func(args []string) {
	s := must(shm.Open(args[0]))
	mptest.Say("ready")
	mptest.Hear()
	for i := range 300 {
		g := must(s.Create("", 50, nil))
		named := must(s.Create("keep-"+strconv.Itoa(os.Getpid())+"-"+strconv.Itoa(i), 50, nil))
		n := must(s.Sweep())
		if !g.Current() || !named.Current() || n.Files != 0 {
			mptest.Must(errors.New("a file of a living process was swept"))
		}
		mptest.Must(g.Close())
		mptest.Must(s.Remove(named.Name()))
		mptest.Must(named.Close())
		if i%10 == 0 { // and from another slot from then on
			mptest.Must(s.Close())
			s = must(shm.Open(args[0]))
		}
	}
	mptest.Say("done")
})

// TestLivingAreNotSwept has processes, and goroutines of this one, create, sweep, leave and join at once.
func TestLivingAreNotSwept(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	var all []*mptest.Proc
	for range 3 {
		p := mptest.Start(t, "keep", s.Path())
		p.Expect("ready")
		all = append(all, p)
	}
	for _, p := range all {
		p.Send("go")
	}
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			for j := range 200 {
				g, err := s.Create("", 50, nil)
				if err != nil {
					t.Error(err)
					return
				}
				if n, err := s.Sweep(); n.Files != 0 || err != nil || !g.Current() {
					t.Errorf("swept %+v, %v", n, err)
				}
				if err := g.Publish(strconv.Itoa(i*1000 + j)); err != nil {
					t.Error(err)
				}
				if err := errors.Join(s.Remove(g.Name()), g.Close()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, p := range all {
		p.Expect("done")
		p.Done()
	}
}

// TestTwoSpaces has names and owners of one Space mean nothing in another.
func TestTwoSpaces(t *testing.T) {
	mptest.Check(t)
	a, b := mptest.Space(t), mptest.Space(t)
	if a.ID() == b.ID() {
		t.Error("two Spaces have one id")
	}
	g := ok[*shm.Segment](t)(a.Create("thing", 10, nil))
	_, err := b.Attach("thing", false)
	wantErr(t, err, fs.ErrNotExist)
	if dead := ok[bool](t)(b.Dead(a.Owner())); !dead && a.Owner() != b.Owner() {
		t.Error("an owner of one Space lives in the other")
	}
	u := ok[*shm.Segment](t)(a.Create("", 10, nil))
	if err := b.Adopt(u); err == nil {
		t.Error("adopted a file of another Space")
	}
	noErr(t, u.Close())
	noErr(t, g.Close())
	noErr(t, a.Remove("thing"))
	seen := map[shm.Owner]string{}
	for range 20 { // the epochs of fresh Spaces are random: that a Space made anew has an old owner again is unlikely
		c := openAt(t, filepath.Join(t.TempDir(), "space"))
		if other := seen[c.Owner()]; other != "" {
			t.Errorf("%s and %s have the owner %v", other, c.Path(), c.Owner())
		}
		seen[c.Owner()] = c.Path()
	}
}
