package ndarray

import (
	"sync"
	"time"

	"example.com/atrium/shm"
)

// The cache of attached files. A worker gets blocks of the same few arrays over
// and over; mapping each time would cost more than many tasks do, and page
// faults anew. An entry is pinned while arrays use it. Without users it stays
// until its file is gone, ten seconds passed, or room is needed: a removed file
// on tmpfs keeps its memory while anybody maps it.
const (
	cacheSize  = 64
	cacheIdle  = 10 * time.Second
	cacheCheck = time.Second
)

type key struct {
	path     string
	writable bool
}

type entry struct {
	key    key
	seg    *shm.Segment
	lo, hi int // where the file's elements lie

	// Guarded by cache.mu.
	users int
	used  time.Time // when the last user went
	dead  bool      // not in the cache: the last user unmaps
}

type cache struct {
	mu      sync.Mutex
	entries map[key]*entry
	ticking bool
}

var cached = cache{entries: map[key]*entry{}}

// get returns the entry for a file with one more user, or nil when the file must be mapped: it is not in the cache, has
// another inode than the mapped one, or another size, as after np.save under the same name.
func (c *cache) get(k key, inode uint64) *entry {
	c.mu.Lock()
	e := c.entries[k]
	if e != nil {
		e.users++
	}
	c.mu.Unlock()
	if e == nil {
		return nil
	}
	intact := e.seg.Intact() // without the lock: a file system may hang
	if intact && inode == e.seg.Inode() {
		return e
	}
	if !intact {
		c.mu.Lock()
		if !e.dead {
			c.evict(e)
		}
		c.mu.Unlock()
	}
	_ = e.release() // as in evict
	return nil
}

// put adds an entry that has a user. It stays out, dead, when all others are
// pinned; when another goroutine was faster, theirs is returned.
func (c *cache) put(e *entry) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.entries[e.key]; old != nil {
		if old.seg.Inode() == e.seg.Inode() && old.seg.Size() == e.seg.Size() {
			old.users++
			_ = e.seg.Close() // read-only or shared pages: nothing to lose
			return old
		}
		c.evict(old)
	}
	if len(c.entries) >= cacheSize {
		var oldest *entry
		for _, o := range c.entries {
			if o.users == 0 && (oldest == nil || o.used.Before(oldest.used)) {
				oldest = o
			}
		}
		if oldest == nil {
			e.seg.Unwatch() // nobody will ask
			return e
		}
		c.evict(oldest)
	}
	e.dead = false
	c.entries[e.key] = e
	return e
}

// evict needs c.mu. Unmapping a file of another process has no error worth
// telling whoever happened to need the room.
func (c *cache) evict(e *entry) {
	delete(c.entries, e.key)
	e.dead = true
	e.seg.Unwatch()
	if e.users == 0 {
		_ = e.seg.Close()
	}
}

func (e *entry) retain() {
	cached.mu.Lock()
	defer cached.mu.Unlock()
	e.users++
}

func (e *entry) release() error {
	cached.mu.Lock()
	defer cached.mu.Unlock()
	if e.users--; e.users > 0 {
		return nil
	}
	if e.dead {
		return e.seg.Close()
	}
	e.used = time.Now()
	if !cached.ticking {
		cached.ticking = true
		time.AfterFunc(cacheCheck, cached.tick)
	}
	return nil
}

// tick unmaps what nobody will want again, and ends when nothing idle is left.
func (c *cache) tick() {
	for _, e := range c.idle() {
		intact := e.seg.Intact() // as in get
		c.mu.Lock()
		if !e.dead && e.users == 0 && (!intact || time.Since(e.used) >= cacheIdle) {
			c.evict(e)
		}
		c.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ticking = false
	for _, e := range c.entries {
		if e.users == 0 {
			c.ticking = true
			time.AfterFunc(cacheCheck, c.tick)
			return
		}
	}
}

func (c *cache) idle() []*entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	var idle []*entry
	for _, e := range c.entries {
		if e.users == 0 {
			idle = append(idle, e)
		}
	}
	return idle
}

// ReleaseIdle unmaps at once the files that Attach keeps mapped though all
// their arrays are closed.
func ReleaseIdle() {
	for _, e := range cached.idle() {
		cached.mu.Lock()
		if !e.dead && e.users == 0 {
			cached.evict(e)
		}
		cached.mu.Unlock()
	}
}
