// Package groups tests package group with more than the standard library: its rule with
// random situations, and its members in processes of their own.
package groups
