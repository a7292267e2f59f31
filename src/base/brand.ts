// Nominal types over plain values, so that one kind of number cannot stand in for another.

declare const brand: unique symbol;

/** A `T` that only code which has checked it may call a `Name`. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
