package manager

import (
	"slices"
	"sync"

	"example.com/atrium/pickle"
)

var listKind = kind{
	name: "list",
	exposed: []string{"__add__", "__contains__", "__delitem__", "__getitem__", "__len__", "__mul__", "__reversed__", "__rmul__", "__setitem__",
		"append", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort", "__imul__", "clear", "copy"},
	create: newList,
	adds:   []string{"__setitem__", "append", "extend", "insert", "__imul__"},
}

// list is a Python list.
type list struct {
	mu    sync.RWMutex
	l     []any
	edits int // how often it was changed, or about to be
}

// edit locks the list for a change.
func (l *list) edit() {
	l.mu.Lock()
	l.edits++
}

func newList(c *call) (instance, error) {
	if c.kwds.Len() > 0 {
		return nil, typeError("list() takes no keyword arguments")
	}
	if len(c.args) > 1 {
		return nil, wrongCount("list", 0, 1, len(c.args))
	}
	l := &list{}
	if len(c.args) == 1 {
		items, err := iterate(c.args[0])
		if err != nil {
			return nil, err
		}
		l.l = items
	}
	return l, nil
}

func (l *list) items() ([]any, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.Clone(l.l), nil
}

func (l *list) value() (any, error) {
	items, err := l.items()
	return pickle.NewList(items...), err
}

func (l *list) repr(most int) string {
	v, _ := l.value()
	return pickle.ReprMax(v, most)
}

func (l *list) call(name string, c *call) (any, bool, error) { return listMethods.call(l, name, c) }

var listMethods = methods[*list]{class: "list", of: map[string]method[*list]{
	"__add__":      {slot1, (*list).add},
	"__contains__": {slot1, (*list).contains},
	"__delitem__":  {slot1, (*list).delItem},
	"__getitem__":  {one, (*list).getItem},
	"__imul__":     {number1, (*list).imul},
	"__len__":      {slot0, func(l *list, _ *call) (any, error) { l.mu.RLock(); defer l.mu.RUnlock(); return len(l.l), nil }},
	"__mul__":      {number1, (*list).mul},
	"__reversed__": {nothing, (*list).reversed},
	"__rmul__":     {number1, (*list).mul},
	"__setitem__":  {slot2, (*list).setItem},
	"append":       {one, (*list).append},
	"clear":        {nothing, func(l *list, _ *call) (any, error) { l.edit(); defer l.mu.Unlock(); l.l = nil; return nil, nil }},
	"copy":         {nothing, func(l *list, _ *call) (any, error) { return l.value() }},
	"count":        {one, (*list).count},
	"extend":       {one, (*list).extend},
	"index":        {atLeast(1, 3), (*list).index},
	"insert":       {atLeast(2, 2), (*list).insert},
	"pop":          {atLeast(0, 1), (*list).pop},
	"remove":       {one, (*list).remove},
	"reverse": {nothing, func(l *list, _ *call) (any, error) {
		l.edit()
		defer l.mu.Unlock()
		slices.Reverse(l.l)
		return nil, nil
	}},
	"sort": {signature{style: keywordsOnly, params: []param{optional("key", nil), optional("reverse", false)}}, (*list).sort},
}}

func (l *list) append(c *call) (any, error) {
	l.edit()
	defer l.mu.Unlock()
	l.l = append(l.l, c.args[0])
	return nil, nil
}

func (l *list) extend(c *call) (any, error) {
	items, err := iterate(c.args[0])
	if err != nil {
		return nil, err
	}
	l.edit()
	defer l.mu.Unlock()
	l.l = append(l.l, items...)
	return nil, nil
}

func (l *list) insert(c *call) (any, error) {
	at, err := position(c.args[0])
	if err != nil {
		return nil, err
	}
	l.edit()
	defer l.mu.Unlock()
	n := int64(len(l.l))
	if at < 0 {
		at = max(at+n, 0)
	}
	l.l = slices.Insert(l.l, int(min(at, n)), c.args[1])
	return nil, nil
}

func (l *list) pop(c *call) (any, error) {
	at := int64(-1)
	if len(c.args) > 0 {
		var err error
		if at, err = position(c.args[0]); err != nil {
			return nil, err
		}
	}
	l.edit()
	defer l.mu.Unlock()
	n := int64(len(l.l))
	if n == 0 {
		return nil, indexError("pop from empty list")
	}
	if at < 0 {
		at += n
	}
	if at < 0 || at >= n {
		return nil, indexError("pop index out of range")
	}
	v := l.l[at]
	l.l = slices.Delete(l.l, int(at), int(at)+1)
	return v, nil
}

func (l *list) remove(c *call) (any, error) {
	l.edit()
	defer l.mu.Unlock()
	at := l.find(c.args[0], 0, len(l.l))
	if at < 0 {
		return nil, valueError("list.remove(x): x not in list")
	}
	l.l = slices.Delete(l.l, at, at+1)
	return nil, nil
}

// find is the place of the first element equal to v between two places, or -1. The caller holds mu.
func (l *list) find(v any, from, to int) int {
	for i := from; i < to; i++ {
		if pickle.Equal(l.l[i], v) {
			return i
		}
	}
	return -1
}

func (l *list) index(c *call) (any, error) {
	bounds := [2]int64{0, int64(1<<63 - 1)}
	for i, v := range c.args[1:] {
		if _, _, err := integer(v); err != nil {
			return nil, typeError("slice indices must be integers or have an __index__ method")
		}
		bounds[i], _ = part(v, 0) // an integer
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	n := int64(len(l.l))
	for i, b := range bounds {
		if b < 0 {
			b = max(b+n, 0)
		}
		bounds[i] = min(b, n)
	}
	at := l.find(c.args[0], int(bounds[0]), int(bounds[1]))
	if at < 0 {
		return nil, valueError("%s is not in list", pickle.Repr(c.args[0]))
	}
	return at, nil
}

func (l *list) contains(c *call) (any, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.find(c.args[0], 0, len(l.l)) >= 0, nil
}

func (l *list) count(c *call) (any, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	n := 0
	for _, v := range l.l {
		if pickle.Equal(v, c.args[0]) {
			n++
		}
	}
	return n, nil
}

func (l *list) add(c *call) (any, error) {
	var more []any
	switch v := c.args[0].(type) {
	case *pickle.List:
		more = v.Items
	default:
		o, ok := actual(v).(*list)
		if !ok {
			return nil, typeError(`can only concatenate list (not "%s") to list`, typeName(v))
		}
		more, _ = o.items()
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	return pickle.NewList(slices.Concat(l.l, more)...), nil
}

func (l *list) mul(c *call) (any, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	items, err := l.times(c.args[0])
	if err != nil {
		return nil, err
	}
	return pickle.NewList(items...), nil
}

// imul changes the list, and gives it, which Python's own proxies throw away.
func (l *list) imul(c *call) (any, error) {
	l.edit()
	defer l.mu.Unlock()
	items, err := l.times(c.args[0])
	if err != nil {
		return nil, err
	}
	l.l = items
	return pickle.NewList(slices.Clone(items)...), nil
}

// times is a new list that repeats this one. The caller holds mu.
func (l *list) times(v any) ([]any, error) {
	n, err := factor(v)
	if err != nil {
		return nil, err
	}
	if n <= 0 || len(l.l) == 0 {
		return nil, nil
	}
	if n > mostItems/int64(len(l.l)) {
		return nil, raise("MemoryError", "%d times a list of %d; the server makes at most %d elements in one call", n, len(l.l), mostItems)
	}
	return slices.Repeat(l.l, int(n)), nil
}

func (l *list) reversed(*call) (any, error) {
	items, _ := l.items()
	if len(items) == 0 {
		return pickle.Call("builtins", "iter", pickle.NewList()), nil
	}
	return &pickle.Object{Callable: pickle.Class{Module: "builtins", Name: "reversed"}, Args: pickle.Tuple{pickle.NewList(items...)}, State: int64(len(items) - 1)}, nil
}

func (l *list) sort(c *call) (any, error) {
	reverse, key := c.args[1], c.args[0]
	n, ok, err := integer(reverse)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, raise("OverflowError", "Python int too large to convert to C int")
	}
	if key != nil {
		return nil, l.sortBy(c, key, n != 0)
	}
	l.edit()
	defer l.mu.Unlock()
	return nil, sorted(l.l, n != 0)
}

// sortBy has the keys made and compared by a worker. The list may be used meanwhile, also by the key function.
func (l *list) sortBy(c *call, key any, reverse bool) error {
	l.mu.RLock()
	before, edits := slices.Clone(l.l), l.edits
	l.mu.RUnlock()
	if len(before) == 0 {
		return nil
	}
	if !callable(key) {
		return typeError("'%s' object is not callable", typeName(key))
	}
	w, err := c.server.helpers("sort(key=…)")
	if err != nil {
		return err
	}
	v, err := w.do(c, doSort, key, pickle.Tuple(before), reverse)
	if err != nil {
		return err
	}
	order, err := iterate(v)
	if err != nil || len(order) != len(before) {
		return errNoAnswer(v)
	}
	after := make([]any, len(before))
	for i, v := range order {
		at, ok := v.(int64)
		if !ok || at < 0 || at >= int64(len(before)) {
			return errNoAnswer(v)
		}
		after[i] = before[at]
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.edits != edits {
		return valueError("list modified during sort")
	}
	l.edits++
	l.l = after
	return nil
}
