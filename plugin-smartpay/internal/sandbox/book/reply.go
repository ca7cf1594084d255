package book

import (
	"crypto/sha256"
	"time"
	"unique"
)

// ReplyLifetime is how long the answer to an idempotency key is kept, counted
// from the first request that used it (smartpay-api.md §1.8).
const ReplyLifetime = 6 * time.Hour

// Reply is an answer kept under an idempotency key: its text or, because a
// sandbox holds a million of them and each would be as large as the order
// itself, the session that it told of. See [Session.AsOpened].
type Reply struct {
	Status  int
	Body    []byte
	Session *Session
	Base    string // where the session's hosted page was
}

// Scope is what an idempotency key is unique within: the method and the path.
// The secret key is the [Merchant]'s own. [UNK] at the real provider.
type Scope struct {
	Method, Path, Key string
}

type scopeHash [16]byte

func (s Scope) hash() scopeHash {
	sum := sha256.Sum256([]byte(s.Method + "\x00" + s.Path + "\x00" + s.Key))
	return scopeHash(sum[:16])
}

type kept struct {
	at    int64
	body  scopeHash // of the request
	reply Reply
}

// replies holds what was answered under each idempotency key, oldest first.
type replies struct {
	byScope map[scopeHash]*kept
	oldest  []scopeHash
}

// Recall looks for the answer already given in a scope. Conflict means that
// the key was used before, with another body.
func (tx *Tx) Recall(scope Scope, requestBody []byte) (reply Reply, found, conflict bool) {
	tx.forgetOld()
	k := tx.m.replies.byScope[scope.hash()]
	if k == nil {
		return Reply{}, false, false
	}
	return k.reply, true, k.body != bodyHash(requestBody)
}

// Remember keeps an answer for [ReplyLifetime].
func (tx *Tx) Remember(scope Scope, requestBody []byte, reply Reply) {
	r := &tx.m.replies
	hash := scope.hash()
	reply.Base = unique.Make(reply.Base).Value() // one text for all
	k := &kept{at: tx.ms(), body: bodyHash(requestBody), reply: reply}
	r.add(hash, k)
	tx.remembered = append(tx.remembered, rowOfReply(hash, k))
}

func rowOfReply(hash scopeHash, k *kept) replyRow {
	row := replyRow{Scope: hash, Body: k.body, At: k.at, Status: k.reply.Status, Text: k.reply.Body, Base: k.reply.Base}
	if k.reply.Session != nil {
		row.SessionID = k.reply.Session.ID
	}
	return row
}

func (r *replies) add(hash scopeHash, k *kept) {
	if r.byScope == nil {
		r.byScope = make(map[scopeHash]*kept)
	}
	if r.byScope[hash] == nil {
		r.oldest = append(r.oldest, hash)
	}
	r.byScope[hash] = k
}

// ForgetReplies drops every kept answer at once, as if six hours had passed.
func (tx *Tx) ForgetReplies() {
	tx.m.replies = replies{}
	tx.forgot = true
}

func (tx *Tx) forgetOld() {
	r := &tx.m.replies
	for len(r.oldest) > 0 {
		k := r.byScope[r.oldest[0]]
		if k != nil && tx.ms()-k.at < ReplyLifetime.Milliseconds() {
			return
		}
		delete(r.byScope, r.oldest[0])
		r.oldest = r.oldest[1:]
	}
}

func bodyHash(body []byte) scopeHash {
	sum := sha256.Sum256(body)
	return scopeHash(sum[:16])
}
