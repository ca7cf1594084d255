package book

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

func (t *table[T]) find(kind Kind, mode Mode, text string) (*T, bool) {
	id, ok := ParseID(kind, mode, text)
	if !ok {
		return nil, false
	}
	object, ok := t.byID[id]
	return object, ok
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
