package pickle

import "slices"

// large is the rest of a Dict of more than a few entries. Beyond the first, entries stand in chunks, so that a dict which grows moves none of them and
// leaves no garbage behind.
type large struct {
	chunks [][]entry // each of chunkSize
	more   int       // entries in chunks
	table  []uint32  // open addressing: number of the entry plus one, or 0
}

const (
	chunkBits = 10
	chunkSize = 1 << chunkBits
)

// used is the number of entries, removed ones included.
func (d *Dict) used() int {
	if d.large == nil {
		return len(d.entries)
	}
	return len(d.entries) + d.large.more
}

// at is entry number i.
func (d *Dict) at(i int) *entry {
	if i < len(d.entries) {
		return &d.entries[i]
	}
	i -= chunkSize
	return &d.large.chunks[i>>chunkBits][i&(chunkSize-1)]
}

func (d *Dict) append(e entry) {
	if len(d.entries) < chunkSize {
		d.entries = append(d.entries, e)
		return
	}
	l := d.large // as there are many
	if l.more>>chunkBits == len(l.chunks) {
		l.chunks = append(l.chunks, make([]entry, chunkSize))
	}
	l.chunks[l.more>>chunkBits][l.more&(chunkSize-1)] = e
	l.more++
}

func (l *large) clone() *large {
	if l == nil {
		return nil
	}
	c := &large{make([][]entry, len(l.chunks)), l.more, slices.Clone(l.table)}
	for i := range l.chunks {
		c.chunks[i] = slices.Clone(l.chunks[i])
	}
	return c
}

// find gives the number of the entry with this key, or -1, and the key's hash when there is a table.
func (d *Dict) find(key any, c *comparer) (int, uint64, error) {
	if d.large == nil {
		return d.scan(key, c)
	}
	h, err := c.hash(key)
	if err != nil {
		return -1, 0, err
	}
	table := d.large.table
	mask := uint64(len(table) - 1)
	for slot := h & mask; ; slot = (slot + 1) & mask {
		n := table[slot]
		if n == 0 {
			return -1, h, nil
		}
		if e := d.at(int(n - 1)); e.hash == h && c.equal(e.Key, key) {
			return int(n - 1), h, nil
		}
	}
}

func (d *Dict) scan(key any, c *comparer) (int, uint64, error) {
	switch key := key.(type) {
	case string:
		for i := range d.entries {
			if s, ok := d.entries[i].Key.(string); ok && s == key {
				return i, 0, nil
			}
		}
		return -1, 0, nil
	case nil, bool, int64, float64, Bytes, Class:
	default:
		if _, err := c.hash(key); err != nil { // only to know that it can be hashed
			return -1, 0, err
		}
	}
	for i := range d.entries {
		if c.equal(d.entries[i].Key, key) {
			return i, 0, nil
		}
	}
	return -1, 0, nil
}

// link enters entry number n-1 into the table, which has room.
func (l *large) link(h uint64, n uint32) {
	mask := uint64(len(l.table) - 1)
	slot := h & mask
	for l.table[slot] != 0 {
		slot = (slot + 1) & mask
	}
	l.table[slot] = n
}

// rebuild drops removed entries and makes a table with room for as many entries again.
func (d *Dict) rebuild(c *comparer) error {
	if d.large == nil {
		for i := range d.entries { // none was removed
			h, err := c.hash(d.entries[i].Key)
			if err != nil { // a key that was changed after it was added
				return err
			}
			d.entries[i].hash = h
		}
		d.large = &large{}
	}
	d.compact()
	size := 4 * smallDict
	for size < 3*d.live {
		size *= 2
	}
	d.large.table = make([]uint32, size)
	for i := range d.live {
		d.large.link(d.at(i).hash, uint32(i+1))
	}
	return nil
}

// compact moves the entries together, over those that were removed.
func (d *Dict) compact() {
	n := d.used()
	if n == d.live {
		return
	}
	to := 0
	for i := range n {
		e := d.at(i)
		if e.Key == (removed{}) {
			continue
		}
		if i != to {
			*d.at(to) = *e
		}
		to++
	}
	for i := to; i < n; i++ {
		*d.at(i) = entry{}
	}
	l := d.large
	l.more = max(0, to-chunkSize)
	chunks := (l.more + chunkSize - 1) >> chunkBits
	clear(l.chunks[chunks:])
	l.chunks = l.chunks[:chunks]
	d.entries = d.entries[:min(to, len(d.entries))]
}

func (d *Dict) remove(i int) {
	d.live--
	if d.large == nil {
		d.entries = slices.Delete(d.entries, i, i+1)
		return
	}
	d.at(i).Item = Item{Key: removed{}}
	if d.live < d.used()/2 {
		// The hashes are there already, so that nothing can fail.
		_ = d.rebuild(&comparer{})
	}
}

// grow makes room for n more entries, of those that are not in chunks.
func (d *Dict) grow(n int) {
	if room := chunkSize - len(d.entries); room > 0 {
		d.entries = slices.Grow(d.entries, min(n, room))
	}
}
