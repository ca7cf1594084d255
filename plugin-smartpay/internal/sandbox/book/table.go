package book

import "time"

// table holds the objects of one kind, by identifier and in order of creation.
type table[T any] struct {
	byID map[ID]*T
	all  []*T
}

func (t *table[T]) add(id ID, object *T) {
	if t.byID == nil {
		t.byID = make(map[ID]*T)
	}
	if _, known := t.byID[id]; !known {
		t.all = append(t.all, object)
	}
	t.byID[id] = object
}

// insert adds an object that this change has created.
func insert[T any](tx *Tx, t *table[T], id ID, object *T) {
	t.add(id, object)
	tx.touch(object)
	tx.created = append(tx.created, id)
}

// find looks an object up by the text of its identifier.
func find[T any](tx *Tx, t *table[T], kind Kind, text string) (*T, bool) {
	id, ok := ParseID(kind, tx.m.Mode, text)
	if !ok || !tx.shows(id, false) {
		return nil, false
	}
	object, ok := t.byID[id]
	return object, ok
}

// hiding is how long an object is kept from those who read.
type hiding struct {
	until     int64
	listsOnly bool
}

// HideCreated keeps whatever this change has created from readers for a while,
// or only out of lists: a provider that answers before all of it knows.
func (tx *Tx) HideCreated(until time.Time, listsOnly bool) {
	if tx.m.hidden == nil {
		tx.m.hidden = make(map[ID]hiding)
	}
	for _, id := range tx.created {
		tx.m.hidden[id] = hiding{until: until.UnixMilli(), listsOnly: listsOnly}
	}
}

// Reveal shows everything that [Tx.HideCreated] hides.
func (tx *Tx) Reveal() { tx.m.hidden = nil }

// shows reports whether the one who asks may see an object.
func (tx *Tx) shows(id ID, inList bool) bool {
	h, hidden := tx.m.hidden[id]
	if !hidden || !tx.cause.Reading {
		return true
	}
	if tx.ms() >= h.until {
		delete(tx.m.hidden, id)
		return true
	}
	return h.listsOnly && !inList
}

// Page is one page of a collection, newest first.
type Page[T any] struct {
	Items []*T
	From  int // the position that gives this page again
	Next  int // the position of the following page; 0 when this is the last
}

// Newest asks for the first page.
const Newest = -1

// page gives up to limit objects created before position from, newest first,
// leaving out those that keep refuses. Positions count objects ever created, so
// a page stays what it was while new objects arrive.
func (t *table[T]) page(from, limit int, keep func(*T) bool) Page[T] {
	if from < 0 || from > len(t.all) {
		from = len(t.all)
	}
	page := Page[T]{Items: make([]*T, 0, min(limit, from)), From: from}
	for i := from; i > 0; i-- {
		object := t.all[i-1]
		if keep != nil && !keep(object) {
			continue
		}
		if len(page.Items) == limit {
			page.Next = i
			return page
		}
		page.Items = append(page.Items, object)
	}
	return page
}
