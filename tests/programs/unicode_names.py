def größe(länge, π=3):
    fläche = länge * π
    return f"{fläche}²"


名前 = "日本"  # << START_OF_TRACE
ergebnis = größe(len(名前))
emoji = ["😀", "\n\t\\", "\ud800", 'quote"\'']
