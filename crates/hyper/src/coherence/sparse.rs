//! [`Sparse`]: a table with a place for each page, of which only stretches that are used take memory.

use super::Page;

#[derive(Debug, Clone, Hash)]
pub(super) struct Sparse<T> {
    grain: u32,
    stretches: Vec<Option<Box<[T]>>>,
}

impl<T: Copy + Default> Sparse<T> {
    pub(super) fn new(pages: u32, grain: u32) -> Self {
        Self { grain, stretches: vec![None; pages.div_ceil(grain) as usize] }
    }

    /// What there is of a page; the default if nothing was written.
    pub(super) fn get(&self, page: Page) -> T {
        let (stretch, place) = self.place(page);
        self.stretches[stretch].as_ref().map_or_else(T::default, |places| places[place])
    }

    pub(super) fn get_mut(&mut self, page: Page) -> &mut T {
        let (stretch, place) = self.place(page);
        let grain = self.grain as usize;
        let places = self.stretches[stretch].get_or_insert_with(|| vec![T::default(); grain].into());
        &mut places[place]
    }

    const fn place(&self, page: Page) -> (usize, usize) {
        ((page.get() / self.grain) as usize, (page.get() % self.grain) as usize)
    }

    /// All pages of which something was written, or a neighbour.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Page, T)> {
        let grain = self.grain;
        self.stretches.iter().zip(0u32..).flat_map(move |(places, stretch)| {
            let places = places.iter().flat_map(|places| places.iter());
            places.zip(0u32..).map(move |(value, place)| (Page::new(stretch * grain + place), *value))
        })
    }

    /// Forgets the stretch of a page.
    pub(super) fn clear(&mut self, page: Page) {
        let (stretch, _) = self.place(page);
        self.stretches[stretch] = None;
    }

    pub(super) fn bytes(&self) -> usize {
        let used = self.stretches.iter().flatten().map(|places| size_of_val(&**places)).sum::<usize>();
        used + self.stretches.len() * size_of::<Option<Box<[T]>>>()
    }
}
