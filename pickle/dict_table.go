package pickle

import "slices"

// find gives the number of the entry with this key, or -1, and the key's hash when there is a table.
func (d *Dict) find(key any, c *comparer) (int, uint64, error) {
	if d.table == nil {
		return d.scan(key, c)
	}
	h, err := c.hash(key)
	if err != nil {
		return -1, 0, err
	}
	mask := uint64(len(d.table) - 1)
	for slot := h & mask; ; slot = (slot + 1) & mask {
		n := d.table[slot]
		if n == 0 {
			return -1, h, nil
		}
		if e := &d.entries[n-1]; e.hash == h && c.equal(e.Key, key) {
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
func (d *Dict) link(h uint64, n uint32) {
	mask := uint64(len(d.table) - 1)
	slot := h & mask
	for d.table[slot] != 0 {
		slot = (slot + 1) & mask
	}
	d.table[slot] = n
}

// rebuild drops removed entries and makes a table with room for as many entries again.
func (d *Dict) rebuild(c *comparer) error {
	d.entries = slices.DeleteFunc(d.entries, func(e entry) bool { return e.Key == removed{} })
	hashed := d.table != nil
	size := 4 * smallDict
	for size < 3*len(d.entries) {
		size *= 2
	}
	d.table = make([]uint32, size)
	for i := range d.entries {
		e := &d.entries[i]
		if !hashed {
			h, err := c.hash(e.Key)
			if err != nil { // a key that was changed after it was added
				d.table = nil
				return err
			}
			e.hash = h
		}
		d.link(e.hash, uint32(i+1))
	}
	return nil
}

func (d *Dict) remove(i int) {
	d.live--
	if d.table == nil {
		d.entries = slices.Delete(d.entries, i, i+1)
		return
	}
	d.entries[i].Item = Item{Key: removed{}}
	if d.live < len(d.entries)/2 {
		// The hashes are there already, so that nothing can fail.
		_ = d.rebuild(&comparer{})
	}
}

// grow makes room for n more entries.
func (d *Dict) grow(n int) { d.entries = slices.Grow(d.entries, n) }
