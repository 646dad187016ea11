package queue

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"reflect"
	"time"

	"example.com/atrium/codec"
	"example.com/atrium/internal/layout"
	"example.com/atrium/shm"
)

// Config is how a queue is made. Who opens one that exists may leave all of it zero, to take what there is; what is set
// then must be what it was made with, or for the sizes no more.
type Config struct {
	// Capacity is how many values the queue holds, rounded up to a power of two; 1,024 unless set.
	Capacity int
	// ValueSize is how many bytes of a value find room in its slot, where they cost least; 48 unless set, or the size of a T of
	// fixed size up to 4,096. A slot takes 16 bytes more, rounded up to 32 or a multiple of 64, from the beginning.
	ValueSize int
	// MaxValue is how many bytes of a value find room in the memory of its slot's own that is there only once it was needed;
	// 1 MiB unless set, or less in queues of more than 64, so that all of them together have 64 MiB at most. Once used
	// it stays. A value that is bigger gets a file of its own, which costs some 50 µs, and is gone with the value.
	MaxValue int
	// Joinable queues count values that were taken and are not done with: see Queue.Join.
	Joinable bool
}

const (
	defaultCapacity = 1024
	defaultSize     = 48
	defaultMax      = 1 << 20
	defaultRegions  = 64 << 20
	mostInSlot      = 4096
)

// kind is what the type of the values decides.
type kind struct {
	size    int // of a type of fixed size without pointers, else -1
	hash    uint64
	carries string
}

func kindOf[T any](c codec.Codec[T]) (kind, error) {
	t := reflect.TypeFor[T]()
	k := kind{size: -1}
	if c.Name == "pod" {
		k.size = int(t.Size())
	}
	var err error
	k.hash, k.carries, err = describe(t, c.Name)
	return k, err
}

// shape is what a new queue is to be.
func (c Config) shape(k kind) (s layout.QueueShape, err error) {
	if c.Capacity < 0 || c.ValueSize < 0 || c.MaxValue < 0 || c.Capacity > layout.MaxCapacity || c.MaxValue > layout.MaxRegion {
		return s, fmt.Errorf("no queue can have %+v", c)
	}
	s = layout.QueueShape{Capacity: c.Capacity, Room: c.ValueSize, Joinable: c.Joinable, Hash: k.hash, Carries: k.carries}
	if s.Capacity == 0 {
		s.Capacity = defaultCapacity
	}
	s.Capacity = 1 << bits.Len(uint(s.Capacity-1))
	if s.Room == 0 {
		s.Room = defaultSize
		if k.size >= 0 && k.size <= mostInSlot {
			s.Room = k.size
		}
	}
	switch most := c.MaxValue; {
	case k.size >= 0 && k.size <= s.Room:
	case most > 0:
		s.Region = pages(most)
	case k.size > 0:
		s.Region = pages(k.size)
	default:
		s.Region = max(layout.QueuePage, min(defaultMax, defaultRegions/s.Capacity))
	}
	return s, nil
}

func pages(n int) int { return (n + layout.QueuePage - 1) &^ (layout.QueuePage - 1) }

// suits tells whether a queue that exists is what somebody wants to open.
func (c Config) suits(k kind, s layout.QueueShape) error {
	switch {
	case s.Hash != k.hash:
		return fmt.Errorf("%w: %s, not %s", ErrType, s.Carries, k.carries)
	case c.Capacity != 0 && 1<<bits.Len(uint(c.Capacity-1)) != s.Capacity:
		return fmt.Errorf("%w: it was made with a capacity of %d, not %d", shm.ErrFormat, s.Capacity, c.Capacity)
	case c.ValueSize > s.Room:
		return fmt.Errorf("%w: it was made for values of %d bytes in their slots, not %d", shm.ErrFormat, s.Room, c.ValueSize)
	case c.MaxValue > max(s.Room, s.Region):
		return fmt.Errorf("%w: it was made for values of %d bytes, not %d", shm.ErrFormat, max(s.Room, s.Region), c.MaxValue)
	case c.Joinable && !s.Joinable:
		return fmt.Errorf("%w: it was not made joinable", shm.ErrFormat)
	}
	return nil
}

// attachOrCreate gives the file of that name, made when it is missing.
func attachOrCreate(s *shm.Space, name string, c Config, k kind) (g *shm.Segment, err error) {
	shape, err := c.shape(k)
	if err != nil {
		return nil, err
	}
	for range 100 { // each round that fails is one in which somebody else made or removed it
		if g, err = s.AttachSparse(name); !errors.Is(err, fs.ErrNotExist) {
			return g, err
		}
		if g, err = create(s, name, shape); !errors.Is(err, fs.ErrExist) {
			return g, err
		}
	}
	return nil, err
}

func create(s *shm.Space, name string, shape layout.QueueShape) (*shm.Segment, error) {
	size, stored, err := shape.Sizes()
	if err != nil {
		return nil, err
	}
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails, by its documentation
	shape.ID, shape.Space, shape.Created = binary.LittleEndian.Uint64(id[:])|1, s.ID(), time.Now().UnixNano()
	init := func(b []byte) error { return layout.InitQueue(b, shape) }
	if size == stored {
		return s.Create(name, int64(size), init)
	}
	return s.CreateSparse(name, int64(size), int64(stored), init)
}
